import { expect, test } from 'vitest'
import type { GenerateEvent, GenerateResult } from '../../engine/types.ts'
import { ChoiceLogprobs } from './choice-logprobs.ts'

const bytesOf = (text: string) => new TextEncoder().encode(text)

/** A token whose text is shown in this phase. @param piece its own text, where that is more */
function token(id: number, text: string, phase: 'thinking' | 'answer', isTag = false, piece = text): GenerateEvent {
  const odds = { logprob: -id, bytes: bytesOf(piece), top: [] }
  return { type: 'token', token: id, position: id, phase, text, cells: 1, isTag, bytes: odds.bytes, odds }
}

const events: GenerateEvent[] = [
  { type: 'phase', phase: 'thinking' },
  token(1, 'a', 'thinking'),
  // Line breaks around the tag, written in the model's stead.
  token(2, '\n', 'thinking', true),
  token(3, '', 'thinking', true, '</think>'),
  { type: 'phase', phase: 'answer' },
  token(4, '\n\n', 'answer', true),
  token(5, ' b', 'answer'),
  token(6, 'c', 'answer', true, '</think>c'),
  token(7, '', 'answer', true, '<|endoftext|>'),
]
/** @param stopText which has ended it */
const finish = (stopText: string | null) =>
  ({ type: 'finish', result: { stopText } as GenerateResult }) satisfies GenerateEvent
const ids = (entries: readonly { id: number }[]) => entries.map(({ id }) => id)

test('tags are in neither list, whoever wrote them; what else is in a token of theirs is', () => {
  const logprobs = new ChoiceLogprobs()
  const told = [...events, finish(null)].flatMap((event) => logprobs.push(event) ?? [])
  expect([ids(logprobs.reasoning), ids(logprobs.content)]).toEqual([[1], [5, 6]])
  expect(told.map(({ reasoning, content }) => [ids(reasoning), ids(content)])).toEqual([
    [[1], []],
    [[], [5]],
    [[], [6]],
  ])
})

test.each([
  ['each token is told in its place, tags and the end included', null, [1, 2, 3, 4, 5, 6, 7]],
  ['what a stop text has cut off is not told', 'stop', [1, 2, 3, 4, 5, 6]],
])('where the thinking is not told apart, %s', (_, stopText, expected) => {
  const logprobs = new ChoiceLogprobs(true)
  const told = [...events, finish(stopText)].flatMap((event) => logprobs.push(event)?.content ?? [])
  expect(ids(told)).toEqual(expected)
  expect([ids(logprobs.content), logprobs.reasoning]).toEqual([expected, []])
})
