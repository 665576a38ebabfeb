import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { lineSource } from './line-source.ts'

class Terminal extends PassThrough {
  readonly isTTY = true
  readonly columns = 80
  setRawMode(): this {
    return this
  }
}

function terminal() {
  const [input, output] = [new Terminal(), new Terminal()]
  const lines = lineSource(input as unknown as NodeJS.ReadStream, output as unknown as NodeJS.WriteStream)
  const type = (keys: string): void => void setTimeout(() => input.write(keys), 5)
  return { lines, type }
}

const [up, ctrlC, ctrlD] = ['\u001B[A', '\u0003', '\u0004']

test('earlier lines come back, and can be changed', async () => {
  const { lines, type } = terminal()
  type('one\r')
  expect(await lines.next('> ')).toBe('one')
  type('two\r')
  expect(await lines.next('> ')).toBe('two')
  type(`${up}${up}!\r`)
  expect(await lines.next('> ')).toBe('one!')
})

test('Ctrl-C empties a line; twice on an empty one it ends the chat; Ctrl-D ends it at once', async () => {
  const { lines, type } = terminal()
  type(`wrong${ctrlC}right\r`)
  expect(await lines.next('> ')).toBe('right')
  type(`${ctrlC}still there\r`)
  expect(await lines.next('> ')).toBe('still there')
  type(`${ctrlC}a${ctrlC}${ctrlC}and there\r`)
  expect(await lines.next('> ')).toBe('and there')
  type(`${ctrlC}${ctrlC}`)
  expect(await lines.next('> ')).toBeUndefined()
  type(ctrlD)
  expect(await lines.next('> ')).toBeUndefined()
})

test('lines of a pipe come one by one, the last without an end as well', async () => {
  const input = new PassThrough()
  input.end('one\r\n\ntwo')
  const lines = lineSource(input as unknown as NodeJS.ReadStream, process.stdout)
  expect([await lines.next(''), await lines.next(''), await lines.next(''), await lines.next('')]).toEqual([
    'one',
    '',
    'two',
    undefined,
  ])
})
