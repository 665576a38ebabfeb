import { expect, test, vi } from 'vitest'
import { PromptStates } from './prompt-states.ts'

const tokens = (...all: number[]) => Int32Array.from(all)
const state = (bytes: number) => () => new Uint8Array(bytes)

test('a state is found by exactly its tokens, whatever becomes of the array', () => {
  const states = new PromptStates(2)
  const prompt = tokens(1, 2, 3)
  states.keep(prompt, 5, state(5))
  prompt[0] = 9
  expect(states.find(tokens(1, 2, 3))).toHaveLength(5)
  for (const other of [tokens(9, 2, 3), tokens(1, 2), tokens(1, 2, 3, 4), tokens()]) {
    expect(states.find(other)).toBeUndefined()
  }
})

test('what is kept already, or too large, or nothing, is not saved', () => {
  const states = new PromptStates(2, 10)
  const save = vi.fn(state(4))
  states.keep(tokens(1), 4, save)
  states.keep(tokens(1), 4, save)
  states.keep(tokens(2), 11, save)
  states.keep(tokens(), 0, save)
  expect(save).toHaveBeenCalledTimes(1)
})

test('those that were not used for longest go first, by number and by bytes', () => {
  const byNumber = new PromptStates(2)
  for (const one of [1, 2]) byNumber.keep(tokens(one), 1, state(1))
  byNumber.find(tokens(1))
  byNumber.keep(tokens(3), 1, state(1))
  expect([1, 2, 3].map((one) => byNumber.find(tokens(one)) !== undefined)).toEqual([true, false, true])

  const byBytes = new PromptStates(9, 10)
  for (const one of [1, 2, 3]) byBytes.keep(tokens(one), 4, state(4))
  expect([1, 2, 3].map((one) => byBytes.find(tokens(one)) !== undefined)).toEqual([false, true, true])
})
