import { describe, expect, test, vi } from 'vitest'
import { PromptStates, type PromptQuery } from './prompt-states.ts'

const tokens = (...all: number[]) => Int32Array.from(all)
const state =
  (bytes: number, shortest = 0) =>
  () => ({ state: new Uint8Array(bytes), shortest })
const query = (of: Int32Array, more: Partial<PromptQuery> = {}): PromptQuery => ({
  ...{ tokens: of, reuse: 'exact', scope: '' },
  ...more,
})
const exact = (of: Int32Array) => ({ tokens: of, scope: '', isExact: true })
const count = (first: number, length: number) => Int32Array.from({ length }, (_, i) => first + i)

test('a state is found by exactly its tokens, whatever becomes of the array', () => {
  const states = new PromptStates(2)
  const prompt = tokens(1, 2, 3)
  states.keep(exact(prompt), 5, state(5))
  prompt[0] = 9
  expect(states.find(query(tokens(1, 2, 3)))).toMatchObject({ shared: 3, length: 3, isExact: true })
  for (const other of [tokens(9, 2, 3), tokens(1, 2), tokens(1, 2, 3, 4), tokens()]) {
    expect(states.find(query(other))).toBeUndefined()
  }
})

test('what is kept already, or too large, or nothing, is not saved', () => {
  const states = new PromptStates(2, 10)
  const save = vi.fn(state(4))
  states.keep(exact(tokens(1)), 4, save)
  states.keep(exact(tokens(1)), 4, save)
  states.keep({ ...exact(tokens(1)), isExact: false }, 4, save)
  states.keep(exact(tokens(2)), 11, save)
  states.keep(exact(tokens()), 0, save)
  expect(save).toHaveBeenCalledTimes(1)
})

test('those that were not used for longest go first, by number and by bytes', () => {
  const byNumber = new PromptStates(2)
  for (const one of [1, 2]) byNumber.keep(exact(tokens(one)), 1, state(1))
  byNumber.find(query(tokens(1)))
  byNumber.keep(exact(tokens(3)), 1, state(1))
  expect([1, 2, 3].map((one) => byNumber.find(query(tokens(one))) !== undefined)).toEqual([true, false, true])

  const byBytes = new PromptStates(9, 10)
  for (const one of [1, 2, 3]) byBytes.keep(exact(tokens(one)), 4, state(4))
  expect([1, 2, 3].map((one) => byBytes.find(query(tokens(one))) !== undefined)).toEqual([false, true, true])
})

describe('a prompt that begins alike', () => {
  const states = new PromptStates(9)
  const [short, long] = [count(0, 20), count(0, 40)]
  states.keep(exact(short), 1, state(1))
  states.keep(exact(long), 2, state(2))
  const next = Int32Array.from([...count(0, 30), ...count(500, 10)])

  test('takes the state that saves most, and says what of it is shared', () => {
    expect(states.find(query(next, { reuse: 'prefix' }))).toMatchObject({ shared: 30, length: 40, isExact: false })
    expect(states.find(query(count(0, 25), { reuse: 'prefix' }))).toMatchObject({ shared: 25, length: 40 })
    expect(states.find(query(long, { reuse: 'prefix' }))).toMatchObject({ shared: 40, length: 40, isExact: true })
  })

  test('takes nothing unless it is asked for, or where it is not worth it', () => {
    expect(states.find(query(next))).toBeUndefined()
    expect(states.find(query(long, { reuse: 'none' }))).toBeUndefined()
    const little = Int32Array.from([...count(0, 10), ...count(500, 10)])
    expect(states.find(query(little, { reuse: 'prefix' }))).toBeUndefined()
  })

  test.each([
    [Infinity, 20],
    [31, 20],
    [30, 30],
  ])('of a state that can be shortened to %f tokens takes no less', (shortest, shared) => {
    const some = new PromptStates(9)
    some.keep(exact(short), 1, state(1))
    some.keep(exact(long), 2, state(2, shortest))
    expect(some.find(query(next, { reuse: 'prefix' }))).toMatchObject({ shared })
    expect(some.find(query(long, { reuse: 'prefix' }))).toMatchObject({ shared: 40 })
  })

  test('nothing of another scope, and nothing inexact for an exact request', () => {
    expect(states.find(query(long, { reuse: 'prefix', scope: 'other' }))).toBeUndefined()
    const inexact = count(900, 20)
    states.keep({ tokens: inexact, scope: '', isExact: false }, 1, state(1))
    expect(states.find(query(inexact))).toBeUndefined()
    expect(states.find(query(inexact, { reuse: 'prefix' }))).toMatchObject({ shared: 20, isExact: false })
  })
})
