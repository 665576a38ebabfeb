import { expect, test } from 'vitest'
import type { GenerateEvent } from '../../engine/types.ts'
import { ChoiceLogprobs } from './choice-logprobs.ts'

const bytesOf = (text: string) => new TextEncoder().encode(text)

/** A token whose text is shown in this phase. @param piece its own text, where that is more */
function token(id: number, text: string, phase: 'thinking' | 'answer', isTag = false, piece = text): GenerateEvent {
  const odds = { logprob: -id, bytes: bytesOf(piece), top: [] }
  return { type: 'token', token: id, position: id, phase, text, cells: 1, isTag, bytes: odds.bytes, odds }
}

test('tags are in neither list, whoever wrote them; what else is in a token of theirs is', () => {
  const logprobs = new ChoiceLogprobs()
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
  const told = events.flatMap((event) => logprobs.push(event) ?? [])
  const ids = (entries: readonly { id: number }[]) => entries.map(({ id }) => id)
  expect([ids(logprobs.reasoning), ids(logprobs.content)]).toEqual([[1], [5, 6]])
  expect(told.map(({ reasoning, content }) => [ids(reasoning), ids(content)])).toEqual([
    [[1], []],
    [[], [5]],
    [[], [6]],
  ])
})
