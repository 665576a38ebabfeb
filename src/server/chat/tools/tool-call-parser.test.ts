import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ToolDefinition, ToolFormat } from '../../../llama/index.ts'
import { ToolCallParser, type ParsedAnswer } from './tool-call-parser.ts'

const tools: ToolDefinition[] = [
  {
    type: 'function',
    function: {
      name: 'write',
      parameters: {
        type: 'object',
        properties: {
          path: { type: 'string' },
          lines: { type: 'integer' },
          ratio: { type: ['number', 'null'] },
          force: { type: 'boolean' },
          tags: { $ref: '#/$defs/tags' },
          either: { anyOf: [{ type: 'string' }, { type: 'object' }] },
        },
        $defs: { tags: { type: 'array', items: { type: 'string' } } },
      },
    },
  },
]

function parse(format: ToolFormat, pieces: readonly string[], { isCut = false, most = 9 } = {}): ParsedAnswer {
  const parser = new ToolCallParser({ format, tools, most })
  const parts = [...pieces.map((piece) => parser.push(piece)), parser.finish(isCut)]
  return { content: parts.map(({ content }) => content).join(''), calls: parts.flatMap(({ calls }) => calls) }
}

const call = (name: string, given: string) => ({ name, arguments: given })
const json = (inside: string) => `<tool_call>\n${inside}\n</tool_call>`
const add = json('{"name": "add", "arguments": {"a": 1, "b": [2, {"c": null}]}}')
const added = call('add', '{"a": 1, "b": [2, {"c": null}]}')

type Case = readonly [what: string, text: string, expected: ParsedAnswer]
const hermes: readonly Case[] = [
  ['a call', add, { content: '', calls: [added] }],
  ['text before it, and behind', `Let me see.\n${add}\nSo.`, { content: 'Let me see.\n\nSo.', calls: [added] }],
  ['two calls', `${add}\n${json('{"name":"now"}')}`, { content: '\n', calls: [added, call('now', '{}')] }],
  [
    'without line breaks',
    '<tool_call>{"name":"f","arguments":{}}</tool_call>',
    { content: '', calls: [call('f', '{}')] },
  ],
  ['without a closing tag', '<tool_call>{"name":"f","arguments":{}}', { content: '', calls: [call('f', '{}')] }],
  [
    'markers, brackets and quotes in a text',
    json(String.raw`{"name": "f", "arguments": {"x": "</tool_call><tool_call>{\"}] \\"}}`),
    { content: '', calls: [call('f', String.raw`{"x": "</tool_call><tool_call>{\"}] \\"}`)] },
  ],
  [
    'arguments first, numbers of many digits, and a member of the same name inside',
    json('{"arguments": {"arguments": 12345678901234567890, "name": "x"}, "name": "f"}'),
    { content: '', calls: [call('f', '{"arguments": 12345678901234567890, "name": "x"}')] },
  ],
  [
    'arguments as a text',
    json(String.raw`{"name": "f", "arguments": "{\"a\": 1}"}`),
    { content: '', calls: [call('f', '{"a": 1}')] },
  ],
  ...[
    '{"name": "f", "arguments": {}',
    '{"name": 5, "arguments": {}}',
    '{"arguments": {}}',
    '{"name": "f", "arguments": [1]}',
  ]
    .concat('{"name": "f", "arguments": "a"}', '{"name": "f", "arguments": {}}}', 'add(1)', '', '[1]', '{"a": "\n"}')
    .map((wrong): Case => [`no call: ${wrong}`, json(wrong), { content: json(wrong), calls: [] }]),
  [
    'a call behind what is none',
    `${json('{"name": "f", "arguments": {"x": 1}')} ${add}`,
    { content: `${json('{"name": "f", "arguments": {"x": 1}')} `, calls: [added] },
  ],
  ['what only looks like a tag', 'a < b <tool <tool_calls>', { content: 'a < b <tool <tool_calls>', calls: [] }],
  ['a beginning', 'a<tool_call>\n{"name": "f', { content: 'a<tool_call>\n{"name": "f', calls: [] }],
]

const tagged = (inside: string, name = 'write') => `<tool_call>\n<function=${name}>\n${inside}</function>\n</tool_call>`
const parameter = (key: string, value: string) => `<parameter=${key}>\n${value}\n</parameter>\n`
const one = (key: string, value: string, given: string): Case => [
  `${key} ${value}`,
  tagged(parameter(key, value)),
  { content: '', calls: [call('write', `{"${key}": ${given}}`)] },
]
const coder: readonly Case[] = [
  [
    'all types',
    tagged(parameter('path', '5') + parameter('lines', '5') + parameter('ratio', '0.50') + parameter('tags', '["a"]')),
    { content: '', calls: [call('write', '{"path": "5", "lines": 5, "ratio": 0.50, "tags": ["a"]}')] },
  ],
  one('ratio', 'null', 'null'),
  one('ratio', 'None', 'null'),
  one('force', 'True', 'true'),
  one('force', ' false ', 'false'),
  one('force', 'maybe', '"maybe"'),
  one('lines', '12345678901234567890', '12345678901234567890'),
  one('lines', 'many', '"many"'),
  one('either', '{"a": 1}', '{"a": 1}'),
  one('either', '"a"', String.raw`"\"a\""`),
  one('path', 'true', '"true"'),
  one('other', '7', '"7"'),
  one('__proto__', '7', '"7"'),
  one('path', '', '""'),
  [
    'lines and white space of a text, and markers in it',
    tagged(parameter('path', '\n  a\n</parameter> x</function>\n</tool_call> "b"\n')),
    {
      content: '',
      calls: [call('write', String.raw`{"path": "\n  a\n</parameter> x</function>\n</tool_call> \"b\"\n"}`)],
    },
  ],
  ['no arguments', tagged('', 'now'), { content: '', calls: [call('now', '{}')] }],
  [
    'without line breaks',
    '<tool_call><function=f><parameter=a>1</parameter></function></tool_call>',
    { content: '', calls: [call('f', '{"a": "1"}')] },
  ],
  ['without a closing tag', '<tool_call><function=f></function>', { content: '', calls: [call('f', '{}')] }],
  [
    'text around two',
    `a ${tagged('', 'f')} b ${tagged('', 'g')}`,
    { content: 'a  b ', calls: [call('f', '{}'), call('g', '{}')] },
  ],
  ...[
    '<function=>\n</function>',
    '<function=f>\nx</function>',
    '<function=f',
    '{"name": "f"}',
    '<function=f>\n<parameter=a>1\n',
  ]
    .map((wrong) => `<tool_call>${wrong}\n</tool_call>`)
    .map((wrong): Case => [`no call: ${wrong}`, wrong, { content: wrong, calls: [] }]),
]

describe.each([
  ['hermes', hermes],
  ['qwen3-coder', coder],
] as const)('%s', (format, cases) => {
  test.each(cases)('%s', (_what, text, expected) => {
    expect(parse(format, [text])).toEqual(expected)
    expect(parse(format, Array.from(text))).toEqual(expected)
    for (let at = 0; at <= text.length; at++) {
      expect(parse(format, [text.slice(0, at), text.slice(at)])).toEqual(expected)
    }
  })

  test('any text, however it is split, gives the same', () => {
    const bits = cases.flatMap(([, text]) => text.split(/(?<=[<>{}":\n])/))
    const texts = fc.array(fc.oneof(fc.constantFrom(...bits), fc.constantFrom(...cases.map(([, text]) => text))))
    fc.assert(
      fc.property(texts, fc.infiniteStream(fc.integer({ min: 1, max: 9 })), fc.boolean(), (parts, lengths, isCut) => {
        const text = parts.join('')
        const pieces: string[] = []
        for (let at = 0; at < text.length;) {
          const { value: length } = lengths.next() as { value: number }
          pieces.push(text.slice(at, at + length))
          at += length
        }
        expect(parse(format, pieces, { isCut })).toEqual(parse(format, [text], { isCut }))
      }),
    )
  })

  test('of a call that was cut off there is nothing, wherever it was', () => {
    const [, text, { calls }] = cases[0]!
    for (let at = 0; at < text.length; at++) {
      const cut = parse(format, [`Well. ${text.slice(0, at)}`], { isCut: true })
      expect(cut).toEqual({ content: at === 1 ? 'Well. <' : 'Well. ', calls: [] })
      expect(parse(format, [text + text.slice(0, at)], { isCut: true }).calls).toEqual(calls)
    }
  })
})

test('only so many calls are told', () => {
  expect(parse('hermes', [add, add, ' b ', add], { most: 1 })).toEqual({ content: ' b ', calls: [added] })
})
