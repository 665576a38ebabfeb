import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { scratch } from '../../test/support/scratch.ts'
import { folderWithin } from './folder-within.ts'

test('names the folders that have the file', () => {
  const folder = mkdtempSync(join(scratch, 'dynts-within-'))
  expect(folderWithin(folder, 'plan.json')).toBe('')
  expect(folderWithin(join(folder, 'none'), 'plan.json')).toBe('')
  for (const name of ['b', 'a', 'other']) mkdirSync(join(folder, name))
  writeFileSync(join(folder, 'b', 'plan.json'), '')
  expect(folderWithin(folder, 'plan.json')).toBe(` Did you mean ${join(folder, 'b')}?`)
  writeFileSync(join(folder, 'a', 'plan.json'), '')
  expect(folderWithin(folder, 'plan.json')).toBe(` Did you mean ${join(folder, 'a')} or ${join(folder, 'b')}?`)
  expect(folderWithin(join(folder, 'b', 'plan.json'), 'plan.json')).toBe('')
})
