import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { policySource } from './policy-source.ts'

const folder = mkdtempSync(join(tmpdir(), 'dynts-source-'))
afterAll(() => rmSync(folder, { recursive: true }))
let folders = 0

/** Writes files into a folder of their own; gives it. */
function write(files: Readonly<Record<string, string>>): string {
  const own = join(folder, String(++folders))
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(own, name)), { recursive: true })
    writeFileSync(join(own, name), text)
  }
  return own
}
const filesOf = (files: Readonly<Record<string, string>>, main = 'mine.ts') => {
  const own = write(files)
  return policySource(join(own, main)).files.map((file) => relative(own, file))
}
const hashOf = (files: Readonly<Record<string, string>>) => policySource(join(write(files), 'mine.ts')).hash

test('a policy of one file has the hash of that file', () => {
  const text = `import { definePolicy } from 'dynts'\nimport { z } from 'zod'\nexport default definePolicy({ z, name: 'ä' })`
  expect(hashOf({ 'mine.ts': text })).toBe(createHash('sha256').update(text).digest('hex'))
})

test('every way to import a relative path counts, once, as it is resolved when it is run', () => {
  const all = {
    'mine.ts': `
      import { a } from './a'
      import './b.js'
      import data from './data.json'
      export * from './folder'
      export { e } from "../${folders + 1}/e.mts"
      const c = require('./c.cjs')
      const d = async () => (await import('./d.mjs')).default
      export default [a, data, c, d]`,
    'a.ts': `import { more } from './folder/more.ts'\nexport const a = more`,
    'b.ts': '',
    'data.json': '{}',
    'folder/index.ts': `export { more } from './more.ts'`,
    'folder/more.ts': 'export const more = 1',
    'e.mts': 'export const e = 1',
    'c.cjs': `module.exports = require('./f')`,
    'f.js': '',
    'd.mjs': 'export default 1',
  }
  const found = filesOf(all)
  expect(found[0]).toBe('mine.ts')
  expect(found.toSorted()).toEqual(Object.keys(all).toSorted())
})

test('what only looks like an import does not, nor do types, packages, and what is not there', () => {
  const mine = `
    // import './other.ts'
    /* require('./other.ts') */
    import type { T } from './other.ts'
    import { type U, a } from './a.ts'
    import { z } from 'zod'
    import 'node:fs'
    import './nowhere.ts'
    export default [a as T, z as U, './other.ts']`
  expect(filesOf({ 'mine.ts': mine, 'a.ts': 'export const a = 1', 'other.ts': '' })).toEqual(['mine.ts', 'a.ts'])
})

test('files that import each other', () => {
  const files = { 'mine.ts': `import { b } from './b.ts'\nexport const a = b`, 'b.ts': `export * from './mine.ts'` }
  expect(filesOf(files)).toEqual(['mine.ts', 'b.ts'])
})

test('the hash is another when any file is another, and the same in another folder', () => {
  const files = {
    'mine.ts': `import { a } from './a.ts'\nexport default a`,
    'a.ts': `import { b } from './b.ts'\nexport const a = b`,
    'b.ts': 'export const b = 1',
  }
  const hash = hashOf(files)
  expect(hashOf(files)).toBe(hash)
  const others = [
    hashOf({ ...files, 'mine.ts': `${files['mine.ts']} ` }),
    hashOf({ ...files, 'a.ts': `${files['a.ts']} ` }),
    hashOf({ ...files, 'b.ts': 'export const b = 2' }),
  ]
  expect(new Set([hash, ...others]).size).toBe(4)
})

test('a file that cannot be compiled still has a hash: running it says what is wrong', () => {
  const files = { 'mine.ts': `import { a } from './a.ts'\nexport default a`, 'a.ts': 'export default {' }
  expect(filesOf(files)).toEqual(['mine.ts', 'a.ts'])
  expect(hashOf(files)).toMatch(/^[0-9a-f]{64}$/)
})
