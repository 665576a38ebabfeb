import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { scratch } from '../../test/support/scratch.ts'
import { noLock } from '../../test/support/no-lock.ts'
import { writeFileAtomic } from './atomic-file.ts'
import { withFileLock } from './file-lock.ts'

/** What was asked of the file system, in order. */
const calls = vi.hoisted(() => ({ made: [] as string[] }))
vi.mock('node:fs', async (original) => {
  const fs = await original<{ fsyncSync: (file: number) => void; renameSync: (from: string, to: string) => void }>()
  const fsyncSync = (file: number) => {
    calls.made.push('fsync')
    fs.fsyncSync(file)
  }
  const renameSync = (from: string, to: string) => {
    calls.made.push('rename')
    fs.renameSync(from, to)
  }
  return { ...fs, fsyncSync, renameSync }
})

const fresh = (name = 'file') => join(mkdtempSync(join(scratch, 'dynts-atomic-')), name)
const refused = (message: RegExp) =>
  expect.objectContaining({ code: 'invalid_output', message: expect.stringMatching(message) as string }) as Error

test('a file is replaced as a whole, and nothing stays beside it', () => {
  const path = fresh('sub/file')
  for (const text of ['first', 'second']) {
    writeFileAtomic(path, text)
    expect(readFileSync(path, 'utf8')).toBe(text)
  }
  writeFileAtomic(path, (partial) => writeFileSync(partial, Buffer.from([1, 2])), { lock: noLock })
  expect(readFileSync(path)).toEqual(Buffer.from([1, 2]))
  expect(readdirSync(dirname(path))).toEqual(['file'])
})

test('a file is on the disk before it has its name, and its name is on the disk too', () => {
  calls.made = []
  writeFileAtomic(fresh(), 'text')
  expect(calls.made).toEqual(process.platform === 'win32' ? ['fsync', 'rename'] : ['fsync', 'rename', 'fsync'])
})

test('a failure leaves the old file, and no part of the new one', () => {
  for (const error of [new Error('no'), Object.assign(new Error('x'), { code: 'ENOSPC', syscall: 'write' })]) {
    const path = fresh()
    writeFileSync(path, 'old')
    const write = (partial: string) => {
      writeFileSync(partial, 'hal')
      throw error
    }
    expect(() => writeFileAtomic(path, write)).toThrow(
      'code' in error ? /file cannot be written: the disk is full\. Make room/ : 'no',
    )
    expect(readFileSync(path, 'utf8')).toBe('old')
    expect(readdirSync(dirname(path))).toEqual(['file'])
  }
})

test('a part that a kill has left is overwritten under the lock', () => {
  const path = fresh()
  writeFileSync(`${path}.partial`, 'a long text that was cut')
  writeFileAtomic(path, 'new', { lock: noLock })
  expect(readFileSync(path, 'utf8')).toBe('new')
  expect(readdirSync(dirname(path))).toEqual(['file'])
})

test('a lock that is lost while the content is written keeps the file', async () => {
  const path = fresh()
  writeFileSync(path, 'old')
  const lost = withFileLock(`${path}.lock`, {}, (lock) => {
    const write = (partial: string) => {
      writeFileSync(partial, 'new')
      rmSync(`${path}.lock`)
    }
    writeFileAtomic(path, write, { lock })
    return Promise.resolve()
  })
  await expect(lost).rejects.toMatchObject({ code: 'lock_lost' })
  expect(readFileSync(path, 'utf8')).toBe('old')
})

test('permissions and links stay', () => {
  const path = fresh()
  const link = join(dirname(path), 'link')
  writeFileSync(path, 'old')
  chmodSync(path, 0o640)
  symlinkSync(path, link)
  writeFileAtomic(link, 'new')
  expect(lstatSync(link).isSymbolicLink()).toBe(true)
  expect(readFileSync(path, 'utf8')).toBe('new')
  expect(statSync(path).mode & 0o777).toBe(0o640)
})

test('what is no file is refused and stays what it is', () => {
  const folder = fresh()
  mkdirSync(folder)
  expect(() => writeFileAtomic(folder, 'x')).toThrow(refused(/file is a folder\. Give the name of a file/))
  const pipe = fresh('pipe')
  execFileSync('mkfifo', [pipe])
  expect(() => writeFileAtomic(pipe, 'x')).toThrow(refused(/is a device or a pipe/))
  expect(lstatSync(pipe).isFIFO()).toBe(true)
  for (const device of ['/dev/null', '/dev/full', '/dev/zero'].filter((path) => existsSync(path))) {
    expect(() => writeFileAtomic(device, 'x')).toThrow(refused(/is a device or a pipe/))
    expect(lstatSync(device).isCharacterDevice()).toBe(true)
  }
  for (const open of ['/dev/stdout', '/dev/fd/1', '/proc/self/fd/1']) {
    expect(() => writeFileAtomic(open, 'x')).toThrow(refused(/is a device or a pipe/))
  }
})

test('a place where no file can be says why, and what to do', () => {
  const file = fresh()
  writeFileSync(file, '')
  expect(() => writeFileAtomic(join(file, 'below'), 'x')).toThrow(
    refused(/below cannot be written: .*(file, not a folder|has its name)\. Give another `output`\./),
  )
  expect(() => writeFileAtomic(join('/proc', 'none', 'below'), 'x')).toThrow(refused(/below/))
})
