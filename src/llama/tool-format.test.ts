import { expect, test } from 'vitest'
import { findToolFormat, knowsTools } from './tool-format.ts'

const hermes = String.raw`{%- if tools %}{{- "<tool_call>\n{\"name\": <function-name>, \"arguments\": <args-json-object>}\n</tool_call>" }}{% endif %}`
const coder =
  '{% if tools %}<tool_call>\n<function=example>\n<parameter=a>\nvalue\n</parameter>\n</function>\n</tool_call>{% endif %}'
const others = '{% if tools %}<tool_call>{function-name}<arg_key>{key}</arg_key></tool_call>{% endif %}'
const brackets = '{% if tools %}[TOOL_CALLS][{"name": "f", "arguments": {}}]{% endif %}'
const none = '{% for m in messages %}{{ m.content }}{% endfor %}<tool_call>{"arguments": 1}'

test.each([
  ['hermes', hermes, 'hermes', true],
  ['qwen3-coder', coder, 'qwen3-coder', true],
  ['another format in the same tags', others, undefined, true],
  ['another format', brackets, undefined, true],
  ['no tools', none, undefined, false],
] as const)('%s', (_what, template, format, knows) => {
  expect(findToolFormat(template)).toBe(format)
  expect(knowsTools(template)).toBe(knows)
})
