import { expect, test } from 'vitest'
import { typeOf, typesOf } from './schema-types.ts'

const root = { $defs: { n: { type: ['integer', 'null'] }, 'a/b': { const: 'x' }, self: { $ref: '#/$defs/self' } } }

test.each<[unknown, string[]]>([
  [{ type: 'integer' }, ['number']],
  [{ type: ['string', 'null'] }, ['string', 'null']],
  [{ enum: ['a', 1, null] }, ['string', 'number', 'null']],
  [{ const: [1] }, ['array']],
  [{ anyOf: [{ type: 'boolean' }, { $ref: '#/$defs/n' }] }, ['boolean', 'number', 'null']],
  [{ oneOf: [{ type: 'boolean' }, {}] }, []],
  [{ $ref: '#/$defs/a~1b' }, ['string']],
  [{ $ref: '#/$defs/self' }, []],
  [{ $ref: 'https://example.org/x' }, []],
  [{ type: 'sting' }, []],
  [true, []],
])('%j', (schema, types) => {
  expect([...typesOf(schema, root)]).toEqual(types)
})

test('typeOf', () => {
  expect([null, [], {}, 'a', 1.5, true].map(typeOf)).toEqual(['null', 'array', 'object', 'string', 'number', 'boolean'])
})
