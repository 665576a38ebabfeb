/** Texts under the grammar of a JSON schema: whatever a model would say, what comes is JSON, and an independent validator takes it. */
import { Ajv2020 } from 'ajv/dist/2020.js'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  Constraint,
  defaultSampling,
  LlamaModel,
  loadLibrary,
  Sampler,
  schemaGrammar,
  type JsonSchema,
} from '../../src/llama/index.ts'
import { mulberry32 } from '../../src/mulberry32.ts'
import { tinyF16 } from '../oracle.ts'

const ajv = new Ajv2020({ strict: false })

describe('random tokens under the grammar of random schemas', () => {
  let model: LlamaModel
  /** Which tokens close something, or the text. */
  let closes: readonly boolean[]
  beforeAll(() => {
    model = LlamaModel.load(loadLibrary('off'), tinyF16, { gpuLayers: 0 })
    const { vocab } = model
    closes = Array.from(
      { length: vocab.size },
      (_, token) => vocab.endsGeneration(token) || /^[\]}",:]+$/.test(vocab.detokenize([token])),
    )
  })
  afterAll(() => model.dispose())

  /** Draws from noise, in which closing brackets and ends come often. */
  function textOf(gbnf: string, seed: number): string {
    const random = mulberry32(seed)
    using constraint = Constraint.create(model, gbnf)
    using sampler = Sampler.create(model, { ...defaultSampling, temperature: 1, topK: 0, topP: 1 }, seed)
    const { vocab } = model
    const tokens: number[] = []
    for (let i = 0; i < 600; i++) {
      const hurry = Math.min(40, i / 4)
      const logits = Float32Array.from(closes, (isClosing) => random() * 8 + (isClosing ? hurry : 0))
      const token = constraint.sample(logits, sampler)
      if (vocab.endsGeneration(token)) return vocab.detokenize(tokens)
      tokens.push(token)
    }
    return ''
  }

  const name = fc.constantFrom('a', 'b', 'Z', 'long name', 'q"q', 'é', '漢', 'a/b')
  const leaf: fc.Arbitrary<JsonSchema> = fc.oneof(
    fc.constantFrom<JsonSchema>(
      { type: 'integer' },
      { type: 'number' },
      { type: 'boolean' },
      { type: 'null' },
      { type: 'string' },
      true,
      {},
    ),
    fc.record({
      type: fc.constant('string'),
      minLength: fc.integer({ min: 0, max: 3 }),
      maxLength: fc.integer({ min: 3, max: 6 }),
    }),
    fc
      .array(fc.oneof(fc.string({ maxLength: 6 }), fc.integer(), fc.boolean(), fc.constant(null)), {
        minLength: 1,
        maxLength: 4,
      })
      .map((all) => ({ enum: all })),
    fc.jsonValue({ maxDepth: 1 }).map((value) => ({ const: JSON.parse(JSON.stringify(value)) as unknown })),
    fc.constant({ type: ['string', 'null'] }),
  )
  const { schema } = fc.letrec<{ schema: JsonSchema }>((tie) => ({
    schema: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      leaf,
      fc
        .record({
          properties: fc.dictionary(name, tie('schema'), { maxKeys: 4 }),
          picks: fc.array(fc.nat(3)),
          extra: fc.option(tie('schema'), { nil: undefined }),
        })
        .map(({ properties, picks, extra }) => ({
          type: 'object',
          properties,
          required: [...new Set(picks.flatMap((pick) => Object.keys(properties)[pick] ?? []))],
          additionalProperties: extra ?? false,
        })),
      fc
        .record({
          items: tie('schema'),
          minItems: fc.integer({ min: 0, max: 2 }),
          more: fc.integer({ min: 0, max: 3 }),
        })
        .map(({ items, minItems, more }) => ({ type: 'array', items, minItems, maxItems: minItems + more })),
      fc.array(tie('schema'), { minLength: 1, maxLength: 3 }).map((anyOf) => ({ anyOf })),
    ),
  }))

  test('every finished text is JSON that fits', () => {
    let finished = 0
    fc.assert(
      fc.property(schema, fc.integer({ min: 1, max: 1e6 }), (given, seed) => {
        const text = textOf(schemaGrammar(given).gbnf, seed)
        if (text === '') return
        finished++
        const validate = ajv.compile(given as object)
        const value: unknown = JSON.parse(text)
        // Bytes that are no character: how many characters they are is a matter of opinion.
        if (text.includes('\ufffd')) return
        // Keys that a schema with further properties names as well may come twice; of these JSON.parse takes the last.
        if (!validate(value) && !JSON.stringify(given).includes('"additionalProperties":{'))
          expect([text, validate.errors]).toEqual([text, null])
      }),
      { numRuns: 150 },
    )
    expect(finished).toBeGreaterThan(75)
  })

  test('hundreds of properties, of which only some must be there', () => {
    const names = Array.from({ length: 300 }, (_, i) => `p${i}`)
    const properties = Object.fromEntries(names.map((name) => [name, { type: 'boolean' }]))
    const present = [[], ['p7'], ['p0', 'p150', 'p299']].flatMap((required) => {
      const schema = { type: 'object', properties, required, additionalProperties: false }
      const texts = [1, 2, 3].map((seed) => textOf(schemaGrammar(schema).gbnf, seed)).filter((text) => text !== '')
      const values = texts.map((text) => JSON.parse(text) as object)
      for (const value of values) {
        expect(ajv.compile(schema)(value)).toBe(true)
        const order = Object.keys(value).map((name) => names.indexOf(name))
        expect(order).toEqual([...order].sort((a, b) => a - b))
      }
      return values.map((value) => Object.keys(value).length)
    })
    expect(present.length).toBeGreaterThan(4)
    expect(Math.max(...present)).toBeGreaterThan(2)
  })

  test('a schema that leads back to itself', () => {
    const tree = {
      $ref: '#/$defs/tree',
      $defs: {
        tree: {
          type: 'object',
          properties: { v: { type: 'integer' }, more: { type: 'array', items: { $ref: '#/$defs/tree' }, maxItems: 2 } },
          required: ['v'],
        },
      },
    }
    const texts = Array.from({ length: 20 }, (_, seed) => textOf(schemaGrammar(tree).gbnf, seed)).filter(
      (text) => text !== '',
    )
    expect(texts.length).toBeGreaterThan(5)
    for (const text of texts) expect(ajv.compile(tree)(JSON.parse(text))).toBe(true)
  })
})
