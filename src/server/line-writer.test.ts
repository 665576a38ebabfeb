import { execFileSync } from 'node:child_process'
import { closeSync, constants, mkdtempSync, openSync, readFileSync, readSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, expect, test } from 'vitest'
import { LineWriter } from './line-writer.ts'

const folder = mkdtempSync(join(tmpdir(), 'dynts-lines-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const leftOut = (count: number) => `${count} left out\n`

/** A pipe that nobody reads yet, and what reads `bytes` of it. */
function unreadPipe(name: string) {
  const path = join(folder, name)
  execFileSync('mkfifo', [path])
  const descriptor = openSync(path, constants.O_RDWR | constants.O_NONBLOCK)
  const read = async (isWhole: (text: string) => boolean) => {
    const piece = Buffer.alloc(2 ** 20)
    const parts: Buffer[] = []
    for (let idle = 0; idle < 200;) {
      try {
        parts.push(Buffer.from(piece.subarray(0, readSync(descriptor, piece))))
        idle = 0
      } catch {
        if (isWhole(Buffer.concat(parts).toString())) break
        idle++
        await sleep(5)
      }
    }
    closeSync(descriptor)
    return Buffer.concat(parts).toString()
  }
  return { descriptor, read }
}

test('nobody waits for a pipe that is full, and all lines arrive once it is read', async () => {
  const { descriptor, read } = unreadPipe('slow')
  const writer = new LineWriter(descriptor, leftOut)
  const lines = Array.from({ length: 300 }, (_, i) => `${i} ${'ä'.repeat(1000)}\n`)
  for (const line of lines) writer.write(line)
  await sleep(100)
  writer.write('last\n')
  expect(await read((text) => text.endsWith('last\n'))).toBe(`${lines.join('')}last\n`)
})

test('of what nobody reads only so much is kept, and how much was left out is told', async () => {
  const { descriptor, read } = unreadPipe('stuck')
  const writer = new LineWriter(descriptor, leftOut, 8 * 2 ** 15)
  const line = `${'x'.repeat(2 ** 15 - 1)}\n`
  for (let i = 0; i < 20; i++) writer.write(line)
  expect(await read((text) => text.endsWith('out\n'))).toBe(`${line.repeat(8)}12 left out\n`)
})

test('what is left is written at once when it has to be', () => {
  const path = join(folder, 'file')
  const writer = new LineWriter(openSync(path, 'a'), leftOut)
  for (const line of ['one\n', 'two\n']) writer.write(line)
  writer.flush()
  expect(readFileSync(path, 'utf8')).toBe('one\ntwo\n')
})
