import { describe, expect, test } from 'vitest'
import { mergeResponseEvent } from '../responses/merge-event.ts'
import { mergeChunk } from './merge-chunk.ts'

const chunk = (choice: object, more: object = {}) => ({
  id: 'a',
  object: 'chat.completion.chunk',
  choices: [{ index: 0, logprobs: null, finish_reason: null, ...choice }],
  ...more,
})
const content = (text: string, more: object = {}) => chunk({ delta: { content: text }, ...more })
const thinking = (text: string, more: object = {}) => chunk({ delta: { reasoning_content: text }, ...more })

function merged(...chunks: object[]): object[] {
  const waiting: object[] = []
  for (const one of chunks) if (!mergeChunk(waiting, one)) waiting.push(one)
  return waiting
}

describe('mergeChunk', () => {
  test('text of one kind becomes one chunk; thinking and answer stay apart', () => {
    expect(merged(thinking('a'), thinking(' b'), content('c'), content('d'))).toEqual([thinking('a b'), content('cd')])
    const both = (text: string) => chunk({ delta: { reasoning_content: text, reasoning: text } })
    expect(merged(both('a'), both('b'))).toEqual([both('ab')])
    expect(merged(chunk({ text: 'a' }), chunk({ text: 'b' }))).toEqual([chunk({ text: 'ab' })])
    const split = chunk({ text: '', reasoning_content: 'a' })
    expect(merged(split, split, chunk({ text: 'b' }))).toEqual([
      chunk({ text: '', reasoning_content: 'aa' }),
      chunk({ text: 'b' }),
    ])
  })

  test('choices are joined each with its own, in their order', () => {
    const of = (index: number, text: string) => content(text, { index })
    expect(merged(of(0, 'a'), of(1, 'b'), of(0, 'c'), of(1, 'd'))).toEqual([of(0, 'ac'), of(1, 'bd')])
    expect(merged(of(0, 'a'), thinking('b', { index: 1 }), of(1, 'c'), of(0, 'd'), of(1, 'e'))).toEqual([
      of(0, 'ad'),
      thinking('b', { index: 1 }),
      of(1, 'ce'),
    ])
  })

  test('log-probabilities and token ids are joined in order', () => {
    const of = (text: string, token: number) =>
      content(text, { token_ids: [token], logprobs: { content: [{ id: token }], refusal: null, reasoning: [] } })
    expect(merged(of('a', 1), of('b', 2))).toEqual([
      content('ab', {
        token_ids: [1, 2],
        logprobs: { content: [{ id: 1 }, { id: 2 }], refusal: null, reasoning: [] },
      }),
    ])
    expect(merged(of('a', 1), content('b'))).toHaveLength(2)
  })

  test.each([
    ['the role', chunk({ delta: { role: 'assistant', content: null } })],
    ['the end', content('a', { finish_reason: 'stop' })],
    ['events', chunk({ delta: { content: 'a' } }, { dynts: { type: 'token' } })],
    ['timings', chunk({ delta: { content: 'a' } }, { timings: {} })],
    ['calls', chunk({ delta: { tool_calls: [{ index: 0, function: { arguments: 'a' } }] } })],
    ['no choice', { id: 'a', choices: [], dynts: { type: 'eviction' } }],
  ])('%s stay what they are, and nothing is said before or after them', (_, one) => {
    expect(merged(one, one)).toEqual([one, one])
    expect(merged(content('a'), one, content('b'))).toEqual([content('a'), one, content('b')])
  })
})

test('pieces of a response are joined within their item, and keep rising numbers', () => {
  const piece = (sequence_number: number, delta: string, type = 'output_text', item_id = 'x') => {
    return {
      type: `response.${type}.delta`,
      sequence_number,
      item_id,
      delta,
      ...(type === 'output_text' ? { logprobs: [{ id: 1 }] } : {}),
    }
  }
  const waiting: object[] = []
  const events = [
    ...[
      piece(0, 'a', 'reasoning_text'),
      piece(1, 'b', 'reasoning_text'),
      { type: 'response.output_text.done', sequence_number: 2 },
    ],
    ...[piece(3, 'c'), piece(4, 'd'), piece(5, 'e', 'output_text', 'y')],
  ]
  for (const one of events) if (!mergeResponseEvent(waiting, one)) waiting.push(one)
  expect(waiting).toEqual([
    piece(0, 'ab', 'reasoning_text'),
    { type: 'response.output_text.done', sequence_number: 2 },
    { ...piece(3, 'cd'), logprobs: [{ id: 1 }, { id: 1 }] },
    piece(5, 'e', 'output_text', 'y'),
  ])
})
