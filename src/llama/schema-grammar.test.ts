import { describe, expect, test } from 'vitest'
import { schemaGrammar, type JsonSchema } from './schema-grammar.ts'

describe('schemaGrammar', () => {
  test('says what is accepted and not enforced, but for the range of whole numbers that zod writes', () => {
    const schema = {
      type: 'object',
      properties: {
        n: { type: 'integer', minimum: -9007199254740991, maximum: 9007199254740991 },
        'a/b': { type: 'string', format: 'date', description: 'when' },
        list: { type: 'array', items: { type: 'number', multipleOf: 2 }, uniqueItems: true },
      },
    }
    expect(schemaGrammar(schema).notEnforced).toEqual([
      '/properties/a~1b/format',
      '/properties/list/uniqueItems',
      '/properties/list/items/multipleOf',
    ])
  })

  test('has no parentheses, which llama.cpp follows by recursion, and no rule that is not there', () => {
    const { gbnf } = schemaGrammar({
      type: 'object',
      properties: {
        a: { anyOf: [{ type: 'null' }, { enum: ['x"', '\n', 1] }] },
        b: { type: 'array', items: { type: 'string', maxLength: 3 } },
      },
      additionalProperties: { type: 'boolean' },
    })
    const withoutLiterals = gbnf.replace(/"(?:\\.|[^"\\])*"|\[(?:\\.|[^\]\\])*\]/g, '')
    expect(withoutLiterals).not.toMatch(/[()]/)
    const rules = new Set([...gbnf.matchAll(/^([\w-]+) ::=/gm)].map(([, name]) => name))
    const used =
      withoutLiterals
        .replace(/^[\w-]+ ::=/gm, '')
        .replace(/\{[\d,]*\}/g, '')
        .match(/[a-z][\w-]*/g) ?? []
    expect(used.filter((name) => !rules.has(name))).toEqual([])
  })

  test('large schemas are refused, not tried', () => {
    const deep = Array.from({ length: 40 }).reduce<object>((inner) => ({ type: 'array', items: inner }), {
      type: 'null',
    })
    expect(() => schemaGrammar(deep as JsonSchema)).toThrow(/nests deeper/)
    const wide = {
      type: 'object',
      properties: Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`p${i}`, { type: 'null' }])),
    }
    expect(() => schemaGrammar(wide)).toThrow(/more than 2000 rules/)
    expect(() => schemaGrammar({ enum: ['x'.repeat(300_000)] })).toThrow(/more than 262144 characters/)
  })
})
