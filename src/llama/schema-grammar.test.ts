import { describe, expect, test } from 'vitest'
import { longestChain } from './grammar-chains.ts'
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

  test.each<[JsonSchema, string]>([
    [{ $ref: '#/$defs/a', minLength: 1, $defs: { a: { type: 'string' } } }, '/minLength'],
    [{ $ref: '#/$defs/a', type: 'object', $defs: { a: { type: 'string' } } }, '/type'],
    [{ $ref: '#/$defs/a', type: 'integer', $defs: { a: { type: 'number' } } }, '/type'],
    [{ $ref: '#/$defs/a', anyOf: [true], $defs: { a: { type: 'string' } } }, '/anyOf'],
    [{ anyOf: [{ type: 'object' }], required: ['a'] }, '/required'],
    [{ type: 'object', properties: { a: true }, anyOf: [{ required: ['a'] }] }, '/properties'],
    [{ anyOf: [{ type: 'string' }], oneOf: [{ type: 'string' }] }, '/oneOf'],
    [{ type: 'string', anyOf: [{ type: 'string' }, { type: 'null' }] }, '/anyOf/1/type'],
    [{ type: 'string', enum: ['ab'], maxLength: 1 }, '/maxLength'],
    [{ type: 'string', enum: [1, null] }, '/'],
    [{ const: 1, enum: [2] }, '/'],
    [{ type: 'array', prefixItems: [true], minItems: 2 }, '/minItems'],
    [{ type: 'array', items: false, minItems: 1 }, '/minItems'],
  ])('what cannot be held to beside something else is refused: %j', (schema, at) => {
    expect(() => schemaGrammar(schema)).toThrow(`the schema cannot be enforced at "${at}"`)
  })

  test.each<[JsonSchema, JsonSchema]>([
    [{ type: 'string', enum: ['a', 1, 'b'] }, { enum: ['a', 'b'] }],
    [{ type: ['integer', 'null'], enum: [1, 1.5, null] }, { enum: [1, null] }],
    [{ type: 'number', const: 2 }, { enum: [2] }],
    [{ const: 'a', enum: ['a', 'b'] }, { enum: ['a'] }],
    [
      { type: 'string', anyOf: [{ maxLength: 1 }, true] },
      { anyOf: [{ type: 'string', maxLength: 1 }, { type: 'string' }] },
    ],
    [
      { type: ['string', 'null'], $ref: '#/$defs/a', $defs: { a: { type: 'string' } } },
      { $ref: '#/$defs/a', $defs: { a: { type: 'string' } } },
    ],
    [
      {
        type: ['integer', 'string'],
        $ref: '#/$defs/a',
        $defs: { a: { anyOf: [{ type: 'integer' }, { enum: [2, 'b'] }] } },
      },
      { $ref: '#/$defs/a', $defs: { a: { anyOf: [{ type: 'integer' }, { enum: [2, 'b'] }] } } },
    ],
    [{ prefixItems: [true, { type: 'null' }], maxItems: 1 }, { prefixItems: [true] }],
    [{ prefixItems: [true], items: false, minItems: 1, maxItems: 3 }, { prefixItems: [true] }],
    [
      { type: 'array', items: false, maxItems: 3 },
      { type: 'array', items: false },
    ],
  ])('%j is %j', (schema, same) => {
    expect(schemaGrammar(schema).gbnf).toBe(schemaGrammar(same).gbnf)
  })

  test('hundreds of properties make no long chain of rules; schemas that lead to each other in one are refused', () => {
    const names = Array.from({ length: 400 }, (_, i) => `p${i}`)
    const properties = Object.fromEntries(names.map((name) => [name, { type: 'null' }]))
    for (const schema of [
      { properties },
      { properties, additionalProperties: { type: 'string' } },
      { properties, required: names.slice(300) },
    ]) {
      expect(longestChain(rulesOf(schemaGrammar(schema).gbnf))).toBeLessThan(20)
    }
    // From the end, so that each is known when it is referred to.
    const $defs = Object.fromEntries(
      names.map((name, i) => [name, i === 0 ? { type: 'null' } : { anyOf: [{ $ref: `#/$defs/p${i - 1}` }] }]),
    )
    const chained = { type: 'array', prefixItems: names.map((name) => ({ $ref: `#/$defs/${name}` })), $defs }
    expect(() => schemaGrammar(chained)).toThrow(/more than 256 rules to a first character/)
  })
})

function rulesOf(gbnf: string): Map<string, string> {
  return new Map(gbnf.split('\n').map((line) => line.split(' ::= ') as [string, string]))
}

test.each<[Record<string, string>, number]>([
  [{ a: '"x"' }, 1],
  [{ a: '"x" b', b: '"y"' }, 1],
  [{ a: 'b "|" | c', b: '"y" a', c: '[|] | d', d: '"z"' }, 3],
  [{ a: 'b? c', b: '"x"', c: 'd', d: '"y"' }, 4],
  [{ a: 'b b b c', b: '| "x"', c: '"y"' }, 5],
  [{ a: 'b{0,3} c', b: '"x"', c: '"y"' }, 3],
  [{ a: 'b{1,3} c', b: '"x"', c: 'd', d: '"y"' }, 2],
  [{ a: 'b+ c', b: '"x"', c: 'd', d: '"y"' }, 2],
])('the longest chain of %j is %i', (rules, length) => {
  expect(longestChain(new Map(Object.entries(rules)))).toBe(length)
})
