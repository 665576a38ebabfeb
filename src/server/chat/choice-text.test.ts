import { describe, expect, test } from 'vitest'
import type { GenerateEvent, GenerateResult } from '../../engine/types.ts'
import { ChoiceText, type TextSettings } from './choice-text.ts'

const tags = { open: '<think>', close: '</think>' }
const toolCalls = { format: 'hermes', tools: [], most: Infinity } as const
const call = '<tool_call>{"name": "f", "arguments": {"a": 1}}</tool_call>'

/** What a choice says whose thinking and answer are these, in pieces of one character. */
function said(thinking: string, answer: string, settings: Partial<TextSettings> = {}, finishReason = 'stop') {
  const text = new ChoiceText({ thinkingTo: 'field', toolCalls, goesOn: undefined, ...settings }, tags)
  const events: GenerateEvent[] = []
  for (const [phase, whole] of [
    ['thinking', thinking],
    ['answer', answer],
  ] as const) {
    if (whole !== '') events.push({ type: 'phase', phase })
    for (const piece of whole) events.push({ type: 'token', token: 5, position: 0, phase, text: piece, cells: 1 })
  }
  const deltas = [...events, { type: 'finish', result: { finishReason } as GenerateResult } as const].map((event) =>
    text.push(event),
  )
  expect(deltas.map(({ content }) => content).join('')).toBe(text.content)
  expect(deltas.map((delta) => delta.thinking).join('')).toBe(text.thinking)
  expect(deltas.flatMap(({ calls }) => calls)).toEqual(text.calls)
  return { thinking: text.thinking, content: text.content, calls: text.calls }
}

const told = (index: number) => ({
  ...{ index, name: 'f', arguments: '{"a": 1}' },
  id: expect.stringMatching(/^call_[A-Za-z0-9]{24}$/) as string,
})

describe('calls', () => {
  test('are looked for in the answer, and not in the thinking', () => {
    expect(said(`\n${call}\n`, `\n ${call}\n`)).toEqual({ thinking: call, content: '', calls: [told(0)] })
  })

  test('are numbered, each with an id of its own, and what stands around them is trimmed', () => {
    const { content, calls } = said('', `\nA.\n${call}\n${call}\n`)
    expect(content).toBe('A.')
    expect(calls).toEqual([told(0), told(1)])
    expect(calls[0]!.id).not.toBe(calls[1]!.id)
  })

  test('that were cut off are nowhere, and those that are none are content', () => {
    expect(said('a', `B ${call.slice(0, -16)}`, {}, 'length')).toMatchObject({ content: 'B', calls: [] })
    expect(said('a', `B ${call.slice(0, -16)}`, {}, 'cancelled')).toMatchObject({ content: 'B', calls: [] })
    expect(said('a', `B ${call.slice(0, -16)}`)).toMatchObject({ content: `B ${call.slice(0, -16)}`, calls: [] })
  })

  test('are content where nobody asks for them', () => {
    expect(said('a', call, { toolCalls: undefined })).toEqual({ thinking: 'a', content: call, calls: [] })
  })

  test('beside a thinking that is part of the content', () => {
    const { content, calls } = said(call, `b${call}c`, { thinkingTo: 'content' })
    expect([content, calls]).toEqual([`${call}</think>bc`, [told(0)]])
  })
})
