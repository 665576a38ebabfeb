import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { hashFile } from './identity.ts'

const folder = mkdtempSync(join(tmpdir(), 'dynts-identity-'))
afterAll(() => rmSync(folder, { recursive: true }))

test('a file is what it contains', async () => {
  const path = join(folder, 'small')
  writeFileSync(path, 'some bytes')
  expect(await hashFile(path)).toEqual({ bytes: 10, sha256: createHash('sha256').update('some bytes').digest('hex') })
})

test('a large file is its size and its ends', async () => {
  const path = join(folder, 'large')
  const size = (64 << 20) + 1
  writeFileSync(path, '')
  truncateSync(path, size)
  const hash = async () => (await hashFile(path)).sha256
  const change = async (at: number) => {
    const file = await open(path, 'r+')
    await file.write(Buffer.from([1]), 0, 1, at)
    await file.close()
  }
  const empty = await hash()
  await change(32 << 20)
  expect(await hash()).toBe(empty)
  await change(size - 1)
  const changed = await hash()
  expect(changed).not.toBe(empty)
  await change(0)
  expect(new Set([empty, changed, await hash()]).size).toBe(3)
  truncateSync(path, size + 1)
  truncateSync(path, size)
})
