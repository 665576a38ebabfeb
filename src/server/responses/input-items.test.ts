import { describe, expect, test } from 'vitest'
import { inputSchema, messagesOf } from './input-items.ts'

const read = (input: unknown) => messagesOf(inputSchema.parse(input))
const user = { role: 'user', content: 'a' }
const reasoning = (text: string) => ({
  type: 'reasoning',
  id: 'rs',
  summary: [],
  content: [{ type: 'reasoning_text', text }],
})
const said = (text: string) => ({ type: 'message', role: 'assistant', content: [{ type: 'output_text', text }] })
const called = (id: string) => ({ type: 'function_call', id: 'fc', call_id: id, name: 'f', arguments: '{"a": 1}' })
const call = (id: string) => ({ id, type: 'function', function: { name: 'f', arguments: '{"a": 1}' } })

describe('messagesOf', () => {
  test.each<[string, unknown, object[]]>([
    ['a text', 'a', [user]],
    [
      'messages without a type, texts in parts',
      [{ role: 'user', content: [{ type: 'input_text', text: 'a' }] }],
      [user],
    ],
    [
      'parts of a message',
      [
        {
          role: 'developer',
          content: [
            { type: 'input_text', text: 'a' },
            { type: 'text', text: 'b' },
          ],
        },
      ],
      [{ role: 'developer', content: 'a\nb' }],
    ],
    [
      'thinking, text and calls of one turn',
      [
        user,
        reasoning('t'),
        said('s'),
        called('1'),
        called('2'),
        { type: 'function_call_output', call_id: '1', output: '5' },
      ],
      [
        user,
        { role: 'assistant', content: 's', reasoning_content: 't', tool_calls: [call('1'), call('2')] },
        { role: 'tool', tool_call_id: '1', content: '5' },
      ],
    ],
    [
      'a turn that goes on after a call',
      [user, called('1'), reasoning('t'), said('s')],
      [
        user,
        { role: 'assistant', content: null, tool_calls: [call('1')] },
        { role: 'assistant', content: 's', reasoning_content: 't' },
      ],
    ],
    [
      'two texts of the assistant',
      [said('a'), said('b')],
      [
        { role: 'assistant', content: 'a' },
        { role: 'assistant', content: 'b' },
      ],
    ],
    ['a thinking that led to nothing', [reasoning('t'), user], [user]],
    [
      'an encrypted thinking',
      [{ type: 'reasoning', summary: [], encrypted_content: 'x' }, said('s')],
      [{ role: 'assistant', content: 's' }],
    ],
  ])('%s', (_what, input, messages) => {
    expect(read(input)).toEqual(messages)
  })

  test.each<[unknown, string]>([
    [[{ type: 'message', content: 'a' }], 'input.0.role'],
    [[user, { role: 'assistant' }], 'input.1.content'],
    [[{ role: 'assistant', content: [{ type: 'refusal', refusal: 'no' }] }], 'input.0.content.0'],
    [[{ type: 'function_call', name: 'f' }], 'input.0.call_id'],
    [[{ type: 'function_call_output', call_id: '1' }], 'input.0.output'],
    [[{ type: 'web_search_call' }], 'input.0.type'],
  ])('%j is refused', (input, param) => {
    expect(() => read(input)).toThrow(expect.objectContaining({ name: 'ApiError', status: 400, facts: { param } }))
  })
})
