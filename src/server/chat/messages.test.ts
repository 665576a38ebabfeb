import { expect, test } from 'vitest'
import { messagesSchema, readMessages } from './messages.ts'

const read = (messages: unknown, hasTools = true) => readMessages(messagesSchema.parse(messages), hasTools).messages
const user = { role: 'user', content: 'a' }
const called = (given: unknown) => ({
  role: 'assistant',
  tool_calls: [{ id: '1', function: { name: 'f', arguments: given } }],
})

test('calls and what they gave, as a template gets them', () => {
  const answered = { role: 'tool', tool_call_id: '1', content: [{ type: 'text', text: '5' }], name: 'f' }
  expect(read([user, called('{"a": [1]}'), answered])).toEqual([
    user,
    {
      role: 'assistant',
      content: '',
      tool_calls: [{ id: '1', type: 'function', function: { name: 'f', arguments: { a: [1] } } }],
    },
    { role: 'tool', tool_call_id: '1', content: '5' },
  ])
})

test.each([[''], [' '], [null], [undefined], ['{}']])('arguments %j are none', (given) => {
  expect(read([called(given), user])[0]!.tool_calls![0]!.function.arguments).toEqual({})
})

test.each([['[1]'], ['5'], ['{"a": '], ['a']])('arguments %j are refused', (given) => {
  const param = 'messages.0.tool_calls.0.function.arguments'
  expect(() => read([called(given), user])).toThrow(
    expect.objectContaining({ code: 'invalid_value', facts: { param } }),
  )
})

test.each([
  ['a call', [called('{}'), user]],
  ['what a tool gave', [{ role: 'tool', content: '5' }]],
])('%s is refused where the template shows none', (_what, messages) => {
  expect(() => read(messages, false)).toThrow(expect.objectContaining({ code: 'tools_not_supported' }))
})

test('no calls are no reason to refuse', () => {
  expect(read([{ ...called('{}'), content: 'b', tool_calls: [] }, user], false)[0]).toEqual({
    role: 'assistant',
    content: 'b',
  })
})

test("the assistant's last message is gone on with, unless the client says otherwise", () => {
  const readTurn = (messages: unknown, continues?: boolean | null) =>
    readMessages(messagesSchema.parse(messages), true, continues)
  const begun = { role: 'assistant', content: 'b', reasoning_content: 'c' }
  const whole = { messages: [user], begun: { thinking: 'c', answer: 'b' } }
  expect([undefined, null, true].map((continues) => readTurn([user, begun], continues))).toEqual([whole, whole, whole])
  expect(readTurn([user, { role: 'assistant' }]).begun).toEqual({ thinking: '', answer: '' })
  expect(readTurn([user, begun, user])).toMatchObject({ messages: [user, begun, user], begun: undefined })
  expect(() => readTurn([user, begun], false)).toThrow(expect.objectContaining({ code: 'invalid_value' }))
  expect(() => readTurn([user], true)).toThrow(expect.objectContaining({ code: 'conflicting_parameters' }))
  expect(() => readTurn([begun])).toThrow(expect.objectContaining({ code: 'invalid_value' }))
  expect(() => readTurn([user, called('{}')])).toThrow(expect.objectContaining({ code: 'invalid_value' }))
})
