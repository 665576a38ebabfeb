import { existsSync, mkdtempSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { scratch } from '../../test/support/scratch.ts'
import { makeFolder } from './make-folder.ts'

const fresh = () => mkdtempSync(join(scratch, 'dynts-folder-'))
const refused = (message: RegExp) =>
  expect.objectContaining({ code: 'invalid_output', message: expect.stringMatching(message) as string }) as Error

test('a folder is made with those above it, once', () => {
  const folder = join(fresh(), 'a', 'ü b', 'c')
  for (let i = 0; i < 2; i++) {
    makeFolder(folder)
    expect(statSync(folder).isDirectory()).toBe(true)
  }
  makeFolder('.')
  makeFolder('/')
})

test('a link to a folder is one', () => {
  const [folder, other] = [fresh(), fresh()]
  symlinkSync(other, join(folder, 'link'))
  makeFolder(join(folder, 'link', 'new'))
  expect(existsSync(join(other, 'new'))).toBe(true)
})

test('what is no folder is left, and named', () => {
  const folder = fresh()
  writeFileSync(join(folder, 'file'), 'text')
  symlinkSync(join(folder, 'nowhere'), join(folder, 'dead'))
  expect(() => makeFolder(join(folder, 'file'))).toThrow(refused(/file cannot be written: something else has its name/))
  expect(() => makeFolder(join(folder, 'file', 'sub'))).toThrow(
    refused(/a part of its path is a file.*another `output`/),
  )
  expect(() => makeFolder(join(folder, 'dead', 'sub'), '--files')).toThrow(refused(/another --files/))
})

test.runIf(existsSync('/proc/self'))('a file system that has no new folders ends it', () => {
  expect(() => makeFolder('/proc/x/y')).toThrow(
    refused(/^\/proc\/x\/y cannot be written: no folder can be made in \/proc\. Give/),
  )
})
