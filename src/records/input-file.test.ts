import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { scratch } from '../../test/support/scratch.ts'
import { readWholeText } from './input-file.ts'
import { readLines } from './lines.ts'

const fresh = () => join(mkdtempSync(join(scratch, 'dynts-input-test-')), 'file')

test('a pipe is read once, and then as often as wanted', () => {
  const pipe = fresh()
  execFileSync('mkfifo', [pipe])
  spawn('sh', ['-c', 'printf "a\\nb\\n" > "$0"', pipe])
  expect(readWholeText(pipe)).toBe('a\nb\n')
  expect([...readLines(pipe)].map(({ text }) => text)).toEqual(['a', 'b'])
})

test('what has no end, or is no file, is refused', () => {
  for (const device of ['/dev/zero', '/dev/full', '/dev/null', '/dev/random'].filter((path) => existsSync(path))) {
    expect(() => [...readLines(device)]).toThrow(/is a device\. Name a file or a pipe/)
    expect(() => readWholeText(device)).toThrow(/is a device/)
  }
  expect(() => readWholeText(tmpdir())).toThrow(/is a folder/)
  expect(() => readWholeText(fresh())).toThrow(/cannot be read: there is no such file or folder/)
})

test('a file that is larger than a text can be is refused in one line', () => {
  const path = fresh()
  writeFileSync(path, '[')
  truncateSync(path, 600 * 2 ** 20)
  expect(() => readWholeText(path)).toThrow(/is too large to be read as a whole \(600 MiB of at most 512\)/)
  rmSync(path)
})
