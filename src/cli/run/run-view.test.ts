import { expect, test } from 'vitest'
import type { GenerateEvent, GenerateResult } from '../../engine/types.ts'
import { PlainView, silentView } from './run-view.ts'
import { tagsOf } from '../../llama/thinking-tags.ts'

const token = (text: string, phase: 'thinking' | 'answer'): GenerateEvent => {
  return { type: 'token', token: 1, position: 0, phase, text, cells: 1 }
}
const thinking: GenerateEvent[] = [
  { type: 'phase', phase: 'thinking' },
  token('a, ', 'thinking'),
  token('b', 'thinking'),
]
const answer: GenerateEvent[] = [{ type: 'phase', phase: 'answer' }, token('\n\n', 'answer'), token('c', 'answer')]
const finish: GenerateEvent = { type: 'finish', result: {} as GenerateResult }
const tags = tagsOf({ open: '<think>', close: '</think>' })

function plain(events: readonly GenerateEvent[], samples = 1): string {
  let written = ''
  const view = new PlainView({ write: (text: string) => (written += text) }, tags)
  view.begin('dynts', samples)
  for (const event of events) view.onEvent(0, event)
  view.end()
  return written
}

test('thinking stands between the tags', () => {
  expect(plain([...thinking, ...answer, finish])).toBe('<think>\na, b</think>\n\nc\n')
})

test('an answer without thinking has no tags', () => {
  expect(plain([{ type: 'phase', phase: 'answer' }, token('c', 'answer'), finish])).toBe('c\n')
})

test('thinking that was cut off is not closed', () => {
  expect(plain([...thinking, finish])).toBe('<think>\na, b\n')
})

test('texts of several samples are not mixed', () => {
  expect(plain([...thinking, ...answer, finish], 2)).toBe('')
})

test('a second run starts anew', () => {
  let written = ''
  const view = new PlainView({ write: (text: string) => (written += text) }, tags)
  for (let run = 0; run < 2; run++) {
    view.begin('dynts', 1)
    for (const event of [...thinking, finish]) view.onEvent(0, event)
    view.end()
  }
  expect(written).toBe('<think>\na, b\n<think>\na, b\n')
})

test('the silent view takes everything', () => {
  silentView.begin('dynts', 1)
  silentView.onEvent(0, finish)
  silentView.end()
})
