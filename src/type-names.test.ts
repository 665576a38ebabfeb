/** One name for one thing: no two exported types have the same. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { groupBy } from './group-by.ts'

test('no two exported types have one name', () => {
  const declared = readdirSync(import.meta.dirname, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .flatMap((file) => {
      const text = readFileSync(join(import.meta.dirname, file), 'utf8')
      const names = text.matchAll(/^export (?:abstract )?(?:interface|type|class|enum) (\w+)/gm)
      return Array.from(names, ([, name = '']) => ({ name, file }))
    })
  expect(declared.length).toBeGreaterThan(500)
  const twice = [...groupBy(declared, ({ name }) => name).values()].filter((all) => all.length > 1)
  expect(twice).toEqual([])
})
