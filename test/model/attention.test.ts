/**
 * Attention weights of the embedded model, by rows and positions: prompts in chunks, several sequences in a batch, ubatches
 * in any order, cells with holes.
 */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { AttentionProbe, LlamaContext, LlamaModel, loadLibrary, type ContextOptions } from '../../src/llama/index.ts'
import { importanceOracle, tinyF32 } from '../oracle.ts'

let model: LlamaModel
const traces = importanceOracle().traces.slice(0, 5)

beforeAll(() => {
  model = LlamaModel.load(loadLibrary('off'), tinyF32)
})
afterAll(() => model.dispose())

function makeContext(options: Partial<ContextOptions> = {}): LlamaContext {
  const attentionProbe = new AttentionProbe(model.library)
  return LlamaContext.create(model, { cellsPerSequence: 256, threads: 1, kvType: 'f32', attentionProbe, ...options })
}

/** A row of the last pass by position, copied. */
function rowOf(context: LlamaContext, row: number): Map<number, number> {
  const { positions, weights } = context.attention(row)
  return new Map([...positions].map((position, i) => [position, weights[i]!]))
}

function expectSame(actual: Map<number, number>, expected: Map<number, number>): void {
  const byPosition = (a: number, b: number) => a - b
  expect([...actual.keys()].sort(byPosition)).toEqual([...expected.keys()].sort(byPosition))
  for (const [position, weight] of expected) expect(Math.abs(actual.get(position)! - weight)).toBeLessThan(1e-5)
}

/** Fills a sequence with the first tokens of a trace and removes some. */
function fill(context: LlamaContext, sequenceId: number, trace: number, length: number): void {
  context.clear(sequenceId)
  context.append(sequenceId, traces[trace]!.tokens.slice(0, length), 0, 'none')
  if (length > 40) context.remove(sequenceId, 10, 11 + (length % 20))
}

describe('the attention of a prompt', () => {
  const tokens = traces[0]!.tokens.slice(0, 90)
  let alone: Map<number, number>[]

  beforeAll(() => {
    using context = makeContext()
    alone = tokens.map((token, position) => {
      context.decode({ tokens: [token], positions: [position], sequenceIds: [0] }, false, [true])
      return rowOf(context, 0)
    })
  })

  test('each row sums to 1 and sees itself and what is before it', () => {
    for (const [position, row] of alone.entries()) {
      expect([...row.keys()].sort((a, b) => a - b)).toEqual([...Array(position + 1).keys()])
      expect([...row.values()].reduce((a, b) => a + b, 0)).toBeCloseTo(1, 5)
    }
  })

  test.each([
    [90, 90],
    [90, 33],
    [64, 26],
    [7, 6],
  ])('in chunks of %d, the last %d rows', (batchTokens, rows) => {
    for (const sequences of [1, 3]) {
      using context = makeContext({ batchTokens, sequences })
      const sequenceId = sequences - 1
      context.append(sequenceId, tokens, 0, 'last', rows)
      for (let row = 0; row < rows; row++) expectSame(rowOf(context, row), alone[90 - rows + row]!)
      expect(() => context.attention(rows)).toThrow('was not read')
      context.append(sequenceId, [5], 90)
      expect(() => context.attention(0)).toThrow('was not read')
    }
  })

  test('of more rows than the last chunk has, or of parts of one, it is refused', () => {
    using context = makeContext({ batchTokens: 64 })
    for (const rows of [27, -1, 1.5, NaN, Infinity])
      expect(() => context.append(0, tokens, 0, 'last', rows)).toThrow(RangeError)
    expect(context.layouts[0]!.used).toBe(0)
  })
})

describe('the attention of a batch', () => {
  test('each sequence has its own rows, whoever shares the batch and in whatever order', () => {
    using single = makeContext()
    using context = makeContext({ sequences: 5 })
    const entry = fc.record({ sequenceId: fc.nat(4), length: fc.integer({ min: 1, max: 120 }), wanted: fc.boolean() })
    fc.assert(
      fc.property(fc.uniqueArray(entry, { minLength: 1, selector: ({ sequenceId }) => sequenceId }), (entries) => {
        for (const { sequenceId, length } of entries) fill(context, sequenceId, sequenceId, length)
        const wanted = entries.map((one) => one.wanted)
        context.decode(
          {
            tokens: entries.map(({ sequenceId, length }) => traces[sequenceId]!.tokens[length]!),
            positions: entries.map(({ length }) => length),
            sequenceIds: entries.map(({ sequenceId }) => sequenceId),
          },
          false,
          wanted,
        )
        for (const [row, { sequenceId, length }] of entries.entries()) {
          if (!wanted[row]) {
            expect(() => context.attention(row)).toThrow('was not read')
            continue
          }
          fill(single, 0, sequenceId, length)
          const token = traces[sequenceId]!.tokens[length]!
          single.decode({ tokens: [token], positions: [length], sequenceIds: [0] }, false, [true])
          expectSame(rowOf(context, row), rowOf(single, 0))
        }
      }),
      { numRuns: 10, seed: 1 },
    )
  }, 120_000)

  test('holes are filled again and cells rewritten: positions, not cells, count', () => {
    using context = makeContext({ sequences: 2 })
    const { tokens } = traces[0]!
    context.append(1, tokens.slice(0, 60), 0, 'none')
    context.remove(1, 5, 40)
    context.append(1, tokens.slice(60, 100), 60, 'none')
    const step = () => {
      context.decode({ tokens: [tokens[100]!], positions: [100], sequenceIds: [1] }, false, [true])
      return rowOf(context, 0)
    }
    const before = step()
    const held = [...before.keys()].sort((a, b) => a - b)
    expect(held).toEqual([0, 1, 2, 3, 4, ...Array.from({ length: 61 }, (_, i) => 40 + i)])
    context.remove(1, 99, 100)
    context.append(1, [tokens[99]!], 101, 'none')
    context.remove(1, 20, 60)
    context.compact(1)
    const after = (() => {
      context.decode({ tokens: [tokens[101]!], positions: [102], sequenceIds: [1] }, false, [true])
      return rowOf(context, 0)
    })()
    const left = held.filter((p) => p < 20 || (p >= 60 && p !== 99))
    expect([...after.keys()].sort((a, b) => a - b)).toEqual([...left, 101, 102])
    expect([...after.values()].reduce((a, b) => a + b, 0)).toBeCloseTo(1, 5)
  })

  test('with hidden states as well, both are of the same rows', () => {
    using context = makeContext({ sequences: 3 })
    using plain = makeContext({ sequences: 3 })
    for (const one of [context, plain]) for (const sequenceId of [0, 2]) fill(one, sequenceId, sequenceId, 50)
    const batch = { tokens: [9, 10], positions: [50, 50], sequenceIds: [2, 0] }
    context.decode(batch, true, [true, false])
    plain.decode(batch, true)
    for (const row of [0, 1]) expect(context.hiddenState(row)).toEqual(plain.hiddenState(row))
  })
})

describe('what cannot be', () => {
  test('a quantised cache, flash attention, or no probe', () => {
    for (const [options, message] of [
      [{ kvType: 'q8_0' }, 'q8_0'],
      [{ flashAttention: true }, 'flash attention'],
    ] as const) {
      expect(() => makeContext(options)).toThrow(
        expect.objectContaining({ name: 'InputError', code: 'invalid_context' }),
      )
      expect(() => makeContext(options)).toThrow(message)
    }
    using context = LlamaContext.create(model, { cellsPerSequence: 256, threads: 1 })
    expect(context.readsAttention).toBe(false)
    expect(() => context.append(0, [1], 0, 'last', 1)).toThrow('no attention probe')
    expect(() => context.attention(0)).toThrow('no attention probe')
  })

  test('a pass that fails leaves no attention behind, and the next is read', () => {
    using context = makeContext()
    context.append(0, [1, 2, 3], 0, 'last', 3)
    expect(() => context.append(0, [1], 9, 'last', 1)).toThrow(expect.objectContaining({ code: 'decode_failed' }))
    expect(() => context.attention(0)).toThrow('was not read')
    context.append(0, [4], 3, 'last', 1)
    expect(rowOf(context, 0).size).toBe(4)
  })

  test('two passes without taking the first', () => {
    const probe = new AttentionProbe(model.library)
    using context = makeContext({ attentionProbe: probe })
    probe.active = true
    expect(() => probe.take()).toThrow(expect.objectContaining({ code: 'no_attention' }))
    context.append(0, [1, 2, 3], 0)
    context.append(0, [1, 2, 3], 3)
    expect(() => probe.take()).toThrow(expect.objectContaining({ code: 'attention_shape' }))
    context.append(0, [1, 2], 6)
    expect(probe.take()).toMatchObject({ queries: 2, width: 256 })
  })
})
