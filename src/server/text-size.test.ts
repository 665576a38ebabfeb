import { expect, test } from 'vitest'
import type { ServerState } from './server-state.ts'
import { checkTextSize } from './text-size.ts'

const state = (showsEarlierThinking: boolean, mostTextBytes?: number) =>
  ({
    settings: { bound: null, mostTextBytes, template: { showsEarlierThinking } },
    located: { info: { trainedContext: 4096 } },
    backend: { facts: { cells: 512 } },
  }) as unknown as ServerState

const conversation = (thinking: string) => ({
  messages: [
    { role: 'user', content: 'a' },
    { role: 'assistant', content: 'b', reasoning_content: thinking },
    { role: 'user', content: 'c' },
  ] as const,
})
const tooLong = expect.objectContaining({ status: 400, code: 'context_length_exceeded' }) as Error

test('earlier thinking counts where the template shows it', () => {
  const most = 64 * 1024
  expect(() => checkTextSize(conversation('x'.repeat(most - 3)), state(true))).not.toThrow()
  expect(() => checkTextSize(conversation('x'.repeat(most - 2)), state(true))).toThrow(tooLong)
  expect(() => checkTextSize(conversation('é'.repeat(most / 2)), state(true))).toThrow(tooLong)
  expect(() => checkTextSize(conversation('x'.repeat(most)), state(false))).not.toThrow()
  expect(() => checkTextSize(conversation('x'.repeat(9)), state(true, 11))).toThrow(tooLong)
})

test('texts and tokens count as they are', () => {
  expect(() => checkTextSize({ text: 'é'.repeat(5) }, state(false, 10))).not.toThrow()
  expect(() => checkTextSize({ text: 'é'.repeat(6) }, state(false, 10))).toThrow(tooLong)
  expect(() => checkTextSize({ tokens: Array.from({ length: 11 }, () => 1) }, state(false, 10))).toThrow(tooLong)
})
