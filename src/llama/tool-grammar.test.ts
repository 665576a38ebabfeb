import { expect, test } from 'vitest'
import { toolCallGrammar } from './tool-grammar.ts'

test('what texts without quotes are not held to is told', () => {
  const parameters = {
    type: 'object',
    properties: {
      plain: { type: 'string' },
      perhaps: { anyOf: [{ type: 'string' }, { type: 'null' }] },
      named: { enum: ['a', 'b'] },
      short: { type: 'string', maxLength: 3 },
      elsewhere: { $ref: '#/$defs/color' },
      either: { oneOf: [{ const: 'a' }, { type: 'string', minLength: 2 }] },
      listed: { type: 'array', items: { $ref: '#/$defs/color' } },
    },
    $defs: { color: { enum: ['red', 'blue'] } },
  }
  const tools = [{ type: 'function', function: { name: 'f', parameters } }] as const
  expect(toolCallGrammar({ format: 'qwen3-coder', tools, most: 1 }).notEnforced).toEqual([
    '/f/properties/short/maxLength',
    '/f/properties/elsewhere/$ref',
    '/f/properties/either/oneOf',
  ])
  expect(toolCallGrammar({ format: 'hermes', tools, most: 1 }).notEnforced).toEqual([])
})
