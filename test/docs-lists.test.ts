/**
 * What the documentation lists is what the registries have: policies, their options, tasks and presets.
 */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { presetNames } from '../src/evaluation/presets/presets.ts'
import { taskNames } from '../src/evaluation/tasks/registry.ts'
import { policyNames } from '../src/eviction/registry.ts'
import { figures } from '../src/report/registry.ts'
import { endpoints } from '../src/server/endpoints.ts'

const page = (name: string) => readFileSync(new URL(`../docs/${name}`, import.meta.url), 'utf8')

test.each([
  ['policies', 'fidelity.md', policyNames()],
  ['tasks', 'evaluation-tasks.md', taskNames],
  ['presets', 'evaluation-tasks.md', presetNames],
] as const)('all %s are in docs/%s', (_what, file, names) => {
  const text = page(file)
  expect(names.filter((name) => !text.includes(`\`${name}\``))).toEqual([])
})

/** Names in the first column of the table whose first heading is `heading`. */
function listed(file: string, heading: string): string[] {
  const lines = page(file).split('\n')
  const start = lines.findIndex((line) => line.startsWith(`| ${heading} `))
  const end = lines.findIndex((line, i) => i > start && !line.startsWith('|'))
  return lines
    .slice(start + 2, end)
    .flatMap((line) => [...(line.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map(([, name = '']) => name))
}

test('the table of tasks has no others', () => {
  expect(listed('evaluation-tasks.md', 'task')).toEqual(taskNames)
})

test('the table of presets has no others', () => {
  expect(listed('evaluation-tasks.md', 'preset').sort()).toEqual([...presetNames].sort())
})

test('the table of endpoints has all of them, and no others', () => {
  const paths = endpoints.map(({ method, path }) => `${method} ${path}`)
  expect(listed('server.md', 'method and path').sort()).toEqual(paths.sort())
})

test('the table of figures has all of them, and no others', () => {
  expect(listed('report.md', 'figure')).toEqual(figures.map(({ name }) => name))
})
