import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { mulberry32 } from '../mulberry32.ts'
import { describePolicyContract, generate, generations } from './policy.contract.ts'
import type { AttentionRow, CachedKeys, CachedVectors, ImportanceScorer, PolicyContext } from './policy.ts'
import { fakeArithmetic } from './products.fake.ts'
import { randomProjection } from './random-projection.ts'
import { findPolicy, parsePolicyOptions, policyNames } from './registry.ts'
import { fakeVectors } from './vectors.fake.ts'

const optionsToTry: Record<string, fc.Arbitrary<Record<string, unknown>>> = {
  'streaming-llm': fc.record({ sinks: fc.nat(60) }),
  snapkv: fc.record({ observationWindow: fc.integer({ min: 1, max: 40 }) }),
  lagkv: fc.record({ lagChunk: fc.integer({ min: 1, max: 20 }) }),
  tri: fc.record({ triHeads: fc.constantFrom('mean', 'union') }),
  'dynts-diverse': fc.record({ diversity: fc.double({ min: 0, max: 10, noNaN: true }) }),
  'r-kv': fc.record({
    rKvWindow: fc.integer({ min: 1, max: 40 }),
    rKvLambda: fc.double({ min: 0, max: 1, noNaN: true }),
    rKvSimilarity: fc.double({ min: 0, max: 1, noNaN: true }),
    rKvPool: fc.constantFrom(1, 3, 7, 99),
  }),
}
const vocabulary = { bos: 9, textOf: (token: number) => texts[token] ?? '' }
const texts = [
  'word',
  '.',
  ', ',
  ' \n',
  ' ',
  '3.5',
  '',
  '..',
  '?!',
  '<s>',
  ':',
  '\t;',
  '\u00a0',
  ' -',
  '\ufffd',
  '!\n\n',
]

for (const name of policyNames()) describePolicyContract(findPolicy(name), optionsToTry[name])

/** Scores of candidates 1..5, the first two of which are the question's. */
function scores(name: string, context: Partial<PolicyContext> = {}): number[] {
  const importance: ImportanceScorer = {
    push: () => undefined,
    scores: (positions) => fakeScores(positions),
  }
  const definition = findPolicy(name)
  const policy = definition.create(parsePolicyOptions(definition, {}), {
    promptCells: 3,
    seed: 1,
    vocabulary,
    importance,
    ...context,
  })
  return [...policy.score(Int32Array.of(1, 2, 3, 4, 5), { held: Int32Array.of(1, 2, 3, 4, 5, 6), leaving: 1 })]
}

function fakeScores(positions: Int32Array): Float32Array {
  return Float32Array.from(positions, (position) => (position === 4 ? 9 : position / 2))
}

describe('scores', () => {
  test.each([
    ['window', [1, 2, 3, 4, 5]],
    ['question-window', [1, 2, 3, 4, 5]],
    ['streaming-llm', [1, 2, 3, 4, 5]],
    ['dynts', [0.5, 1, 1.5, 9, 2.5]],
    ['dynts-no-local', [0.5, 1, 1.5, 9, 2.5]],
    ['dynts-bottom', [-0.5, -1, -1.5, -9, -2.5]],
    ['dynts-no-question', [-Infinity, -Infinity, 1.5, 9, 2.5]],
  ])('%s', (name, expected) => {
    expect(scores(name)).toEqual(expected)
  })

  test.each(policyNames().filter((name) => name !== 'full' && findPolicy(name).needs.size === 0))(
    '%s says of itself whether its scores are ages',
    (name) => {
      expect(findPolicy(name).byAge === true).toBe(scores(name).join() === '1,2,3,4,5')
    },
  )

  test('dynts-no-question asks the predictor about generated tokens only', () => {
    const asked: number[][] = []
    const importance: ImportanceScorer = {
      push: () => undefined,
      scores(positions) {
        asked.push([...positions])
        return new Float32Array(positions.length)
      },
    }
    scores('dynts-no-question', { importance })
    scores('dynts-no-question', { importance, promptCells: 6 })
    expect(asked).toEqual([[3, 4, 5]])
  })

  test('random: uniform, fresh at each eviction, another for another seed', () => {
    const definition = findPolicy('random')
    const policy = definition.create({}, { promptCells: 0, seed: 7, vocabulary })
    const positions = Int32Array.from({ length: 10_000 }, (_, i) => i)
    const cells = { held: positions, leaving: 1 }
    const first = policy.score(positions, cells)
    expect(policy.score(positions, cells)).not.toEqual(first)
    const other = definition.create({}, { promptCells: 0, seed: 8, vocabulary })
    expect(other.score(positions, cells)).not.toEqual(first)
    const mean = first.reduce((sum, score) => sum + score, 0) / first.length
    expect(mean).toBeCloseTo(0.5, 1)
    expect(Math.min(...first)).toBeGreaterThanOrEqual(0)
    expect(Math.max(...first)).toBeLessThan(1)
  })

  test('dynts hands hidden states to the predictor, and misses them loudly', () => {
    const pushed: [number, number[]][] = []
    const importance: ImportanceScorer = {
      push: (position, hiddenState) => pushed.push([position, [...hiddenState]]),
      scores: fakeScores,
    }
    const policy = findPolicy('dynts').create({}, { promptCells: 3, seed: 0, vocabulary, importance })
    policy.observe?.({ position: 2, token: 10 })
    policy.observe?.({ position: 3, token: 11, hiddenState: Float32Array.of(1, 2) })
    expect(pushed).toEqual([[3, [1, 2]]])
    expect(() => policy.observe?.({ position: 4, token: 12 })).toThrow('position 4')
  })

  test('full has no scores', () => {
    expect(() => scores('full')).toThrow('never evicts')
  })
})

/** A policy as it is with its default options, or these. */
function make(name: string, raw: Record<string, unknown> = {}) {
  const definition = findPolicy(name)
  return definition.create(parsePolicyOptions(definition, raw), { promptCells: 2, seed: 0, vocabulary })
}

/** Weights on positions 0, 1, ... */
function row(...weights: number[]): AttentionRow {
  return { positions: Int32Array.from(weights.keys()), weights: Float32Array.from(weights) }
}

describe('policies that look at attention', () => {
  const rows = [row(1), row(0.5, 0.5), row(0.25, 0.25, 0.5), row(0, 0.5, 0.25, 0.25)]
  const candidates = Int32Array.of(0, 1, 2)
  const cells = { held: Int32Array.of(0, 1, 2, 3), leaving: 1 }
  function scoresOf(name: string, raw: Record<string, unknown> = {}): number[] {
    const policy = make(name, raw)
    rows.forEach((attention, position) => policy.observe?.({ position, token: 0, attention }))
    return [...policy.score(candidates, cells)]
  }

  test("h2o: the sum over all queries, the prompt's and the own one too", () => {
    expect(scoresOf('h2o')).toEqual([1.75, 1.25, 0.75])
  })

  test('h2o refuses to score with queries missing', () => {
    const policy = make('h2o')
    for (const [position, attention] of rows.slice(1).entries()) policy.observe?.({ position, token: 0, attention })
    expect(() => policy.score(candidates, cells)).toThrow('3 queries')
  })

  test('snapkv: the mean over the last queries, over all while there are fewer', () => {
    expect(scoresOf('snapkv', { observationWindow: 2 })).toEqual([0.125, 0.375, 0.375])
    expect(scoresOf('snapkv')).toEqual([1.75, 1.25, 0.75].map((sum) => sum / 4))
  })

  test('tova: the last query', () => {
    expect(scoresOf('tova')).toEqual([0, 0.5, 0.25])
  })

  test('positions without any attention, and a long text', () => {
    const policy = make('tova')
    policy.observe?.({
      position: 70_000,
      token: 0,
      attention: { positions: Int32Array.of(69_999, 3), weights: Float32Array.of(0.75, 0.25) },
    })
    expect([...policy.score(Int32Array.of(3, 4, 69_999), { held: Int32Array.of(3, 4, 69_999), leaving: 1 })]).toEqual([
      0.25, 0, 0.75,
    ])
  })

  test('without attention, or keys, they say so', () => {
    for (const name of policyNames().filter((name) => findPolicy(name).needs.has('attention'))) {
      expect(() => make(name).score(candidates, cells), name).toThrow('was supplied')
    }
    expect(() => make('knorm').score(candidates, cells)).toThrow('No keys were supplied')
    const vectors = { positions: cells.held, headSize: 1, layers: () => [], channels: () => [] }
    const keys = { ...vectors, ...fakeArithmetic(1) }
    for (const name of ['lagkv', 'dkv'])
      expect(() => make(name).score(candidates, { ...cells, keys }), name).toThrow('No values were supplied')
  })
})

describe('policies that look at keys', () => {
  const withProducts = (vectors: CachedVectors): CachedKeys => ({
    ...vectors,
    ...fakeArithmetic(vectors.headSize),
  })

  /** One layer of one head with the keys of positions 0, 1, ..., in an order that is not theirs. */
  function keysOf(keys: number[][]): CachedKeys {
    const positions = Int32Array.from(keys.keys()).reverse()
    const values = Float32Array.from([...positions].flatMap((position) => keys[position]!))
    const headSize = keys[0]!.length
    return withProducts(fakeVectors(positions, headSize, () => [values]))
  }

  test('knorm: minus the mean norm over layers and heads', () => {
    const positions = Int32Array.of(5, 3)
    const layers = () => [Float32Array.of(3, 4, 0, 0, 1, 0, 0, 2), Float32Array.of(0, 1, 0, 2, 0, 0, 0, 0)]
    const keys = withProducts(fakeVectors(positions, 2, layers))
    const scores = make('knorm').score(Int32Array.of(3, 5), { held: Int32Array.of(3, 5), leaving: 1, keys })
    expect([...scores]).toEqual([-(1 + 2 + 0 + 0) / 4, -(5 + 0 + 1 + 2) / 4])
  })

  const norm = (key: number[]) => Math.hypot(...key)
  const cosine = (a: number[], b: number[]) => a.reduce((sum, x, i) => sum + x * b[i]!, 0) / (norm(a) * norm(b))

  /** Written down once more from the design, with whole matrices. */
  function slowRedundancy(keys: number[][], threshold: number): number[] {
    const matrix = keys.map((a, i) => keys.map((b, j) => (i === j ? 0 : cosine(a, b))))
    for (const one of matrix) {
      const newest = one.findLastIndex((value) => value > threshold)
      if (newest >= 0) one[newest] = 0
    }
    const means = keys.map((_, j) => matrix.reduce((sum, one) => sum + one[j]!, 0) / keys.length)
    const powers = means.map(Math.exp)
    const total = powers.reduce((a, b) => a + b, 0)
    return powers.map((power) => power / total)
  }

  test('keydiff: two of three keys point the same way, so the third stays longest', () => {
    const keys = keysOf([
      [2, 0],
      [0, 3],
      [5, 0],
    ])
    // The anchor is (2, 1) / 3: cosines 2, 1 and 2 over the root of 5.
    const scores = make('keydiff').score(Int32Array.of(0, 1, 2), { held: Int32Array.of(0, 1, 2), leaving: 1, keys })
    expect([...scores]).toEqual([-2, -1, -2].map((value) => expect.closeTo(value / Math.sqrt(5), 6) as number))
  })

  test('keydiff: the mean over layers and heads, against the definition; candidates are some of the cells', () => {
    const value = fc.integer({ min: -9, max: 9 })
    const layers = 2
    const heads = 3
    const cell = fc.array(fc.array(fc.tuple(value, value), { minLength: heads, maxLength: heads }), {
      minLength: layers,
      maxLength: layers,
    })
    fc.assert(
      fc.property(fc.array(cell, { minLength: 2, maxLength: 12 }), (all) => {
        const positions = Int32Array.from(all, (_, i) => 7 * (all.length - i))
        const keys = withProducts(
          fakeVectors(positions, 2, () =>
            Array.from({ length: layers }, (_, l) => Float32Array.from(all.flatMap((one) => one[l]!.flat()))),
          ),
        )
        const unit = (a: number[]) => a.map((x) => (norm(a) === 0 ? 0 : x / norm(a)))
        const expected = all.map((one) => {
          let sum = 0
          for (let l = 0; l < layers; l++) {
            for (let h = 0; h < heads; h++) {
              const units = all.map((other) => unit(other[l]![h]!))
              const anchor = [0, 1].map((i) => units.reduce((total, u) => total + u[i]!, 0) / all.length)
              const cos = cosine(one[l]![h]!, anchor)
              sum -= norm(anchor) < 1e-9 || Number.isNaN(cos) ? 0 : cos
            }
          }
          return sum / (layers * heads)
        })
        const held = positions.slice().sort()
        const some = held.subarray(0, Math.ceil(held.length / 2))
        const scores = make('keydiff').score(some, { held, leaving: 1, keys })
        for (const [i, position] of some.entries()) {
          expect(scores[i]).toBeCloseTo(expected[positions.indexOf(position)]!, 5)
        }
      }),
    )
  })

  test('dynts-diverse: importance and unlike keys on the same scale', () => {
    const importance: ImportanceScorer = {
      push: () => undefined,
      scores: (positions) => Float32Array.from(positions, (position) => 10 * position),
    }
    const keys = keysOf([
      [2, 0],
      [0, 3],
      [5, 0],
    ])
    const score = (diversity: number) => {
      const definition = findPolicy('dynts-diverse')
      const context = { promptCells: 0, seed: 1, vocabulary, importance }
      const policy = definition.create(parsePolicyOptions(definition, { diversity }), context)
      const all = Int32Array.of(0, 1, 2)
      return [...policy.score(all, { held: all, leaving: 1, keys })]
    }
    // Importance 0, 10, 20: -1.2247, 0, 1.2247. Keys -2, -1, -2 over the root of 5: -0.7071, 1.4142, -0.7071.
    const close = (values: number[]) => values.map((value) => expect.closeTo(value, 4) as number)
    expect(score(0)).toEqual(close([-1.22474, 0, 1.22474]))
    expect(score(0.5)).toEqual(close([-1.5783, 0.70711, 0.87119]))
  })

  test('dynts-diverse: candidates of equal importance are told apart by their keys alone', () => {
    const importance: ImportanceScorer = {
      push: () => undefined,
      scores: (some) => new Float32Array(some.length).fill(0.1),
    }
    const definition = findPolicy('dynts-diverse')
    const context = { promptCells: 0, seed: 1, vocabulary, importance }
    const policy = definition.create(parsePolicyOptions(definition, { diversity: 1 }), context)
    const keys = keysOf([
      [2, 0],
      [0, 3],
      [5, 0],
    ])
    const all = Int32Array.of(0, 1, 2)
    const [first, second, third] = policy.score(all, { held: all, leaving: 1, keys })
    expect(first).toBe(third)
    expect(second).toBeGreaterThan(first!)
  })

  /** What a cache holds: numbers by layer, cell, head and channel, and the same as the engine gives them. */
  function randomCache(seed: number, cells: number, { layers = 2, heads = 3, size = 4 } = {}) {
    const draw = mulberry32(seed)
    const numbers = Array.from({ length: layers }, () =>
      Array.from({ length: cells }, () =>
        Array.from({ length: heads }, () => Array.from({ length: size }, () => Math.fround(draw() - 0.4))),
      ),
    )
    // Cell i of the cache has position 3 * ((5 * i) mod n): in no order.
    const positions = Int32Array.from({ length: cells }, (_, i) => 3 * ((5 * i) % cells))
    const arrays = numbers.map((layer) => Float32Array.from(layer.flat(2)))
    return { numbers, positions, vectors: fakeVectors(positions, size, () => arrays) }
  }
  const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length
  function softmax(values: number[]): number[] {
    const total = values.reduce((sum, value) => sum + Math.exp(value), 0)
    return values.map((value) => Math.exp(value) / total)
  }

  /** Scores of cells `order` of one kind of vectors, by the definition. */
  function slowLag(numbers: number[][][][], order: number[], chunk: number): number[] {
    const chunks = Array.from({ length: Math.floor(order.length / chunk) }, (_, i) =>
      order.slice(i * chunk, (i + 1) * chunk),
    )
    return chunks.slice(0, -1).flatMap((cells, c) => {
      const perHead = numbers.flatMap((layer) =>
        layer[0]!.map((_, h) => {
          const next = chunks[c + 1]!.map((cell) => layer[cell]![h]!)
          const spread = cells.map((cell) => {
            const shares = layer[cell]![h]!.map((value, channel) => {
              const column = next.map((vector) => vector[channel]!)
              const [least, most] = [Math.min(...column), Math.max(...column)]
              return most === least ? 0 : (value - least) / (most - least)
            })
            const squares = shares.reduce((sum, share) => sum + (share - mean(shares)) ** 2, 0)
            return Math.sqrt(squares / (shares.length - 1))
          })
          return softmax(spread)
        }),
      )
      return cells.map((_, i) => mean(perHead.map((scores) => scores[i]!)))
    })
  }

  test.each([
    [3, 5, 3],
    [128, 4, 4],
    [1, 6, 1],
  ])('lagkv, --lag-chunk %i: against the definition', (lagChunk, size, chunk) => {
    const cells = 19
    const keys = randomCache(1, cells, { size })
    const values = randomCache(2, cells, { size: size + 2 })
    const cached = { keys: withProducts(keys.vectors), values: values.vectors }
    const held = keys.positions.slice().sort()
    const candidates = held.subarray(2, 16)
    const order = [...candidates].map((position) => keys.positions.indexOf(position))
    const [ofKeys, ofValues] = [keys, values].map(({ numbers }) => slowLag(numbers, order, chunk))
    const expected = ofKeys!.map((score, i) => score + ofValues![i]!)
    const scores = [...make('lagkv', { lagChunk }).score(candidates, { held, leaving: 1, ...cached })]
    expect(expected.length).toBe((Math.floor(14 / chunk) - 1) * chunk)
    for (const [i, score] of expected.entries()) expect(scores[i]).toBeCloseTo(score, 6)
    // The last chunk and what is left over come after all others, and among them the newer stays.
    const rest = scores.slice(expected.length)
    expect(new Set(rest).size).toBe(1)
    expect(rest[0]).toBeGreaterThan(Math.max(...scores.slice(0, expected.length)))
  })

  test('lagkv: a channel that never changes says nothing, and gives no NaN', () => {
    const ones = fakeVectors(Int32Array.of(0, 1, 2, 3, 4, 5, 6, 7), 2, () => [new Float32Array(16).fill(1)])
    const held = ones.positions
    const scores = make('lagkv', { lagChunk: 2 }).score(held, {
      held,
      leaving: 1,
      keys: withProducts(ones),
      values: ones,
    })
    expect([...scores]).toEqual([1, 1, 1, 1, 1, 1, 4, 4])
  })

  test('dkv: the lengths of keys and values through one random matrix, against the definition', () => {
    const cells = 11
    const keys = randomCache(3, cells, { size: 4 })
    const values = randomCache(4, cells, { size: 6 })
    const held = keys.positions.slice().sort()
    const candidates = held.subarray(1, 9)
    const order = [...candidates].map((position) => keys.positions.indexOf(position))
    const policy = make('dkv')
    const score = () =>
      policy.score(candidates, { held, leaving: 1, keys: withProducts(keys.vectors), values: values.vectors })
    for (let eviction = 0; eviction < 3; eviction++) {
      const { matrix } = randomProjection(6, 20, 0, eviction)
      const length = (vector: number[]) =>
        Array.from({ length: 20 }, (_, c) => {
          return vector.reduce((sum, value, i) => sum + value * matrix[c * 6 + i]!, 0) ** 2
        }).reduce((a, b) => a + b, 0)
      const perHead = keys.numbers.flatMap((layer, l) =>
        layer[0]!.map((_, h) => {
          const u = order.map((cell) => length(layer[cell]![h]!) * length(values.numbers[l]![cell]![h]!))
          const total = u.reduce((a, b) => a + b, 0)
          return u.map((one) => one / total)
        }),
      )
      const scores = score()
      for (const i of order.keys()) expect(scores[i]).toBeCloseTo(mean(perHead.map((one) => one[i]!)), 6)
    }
  })

  test('dkv: another matrix at each eviction and for each seed, the same in each run', () => {
    const { positions, vectors } = randomCache(5, 9)
    const scoresOf = (seed: number) => {
      const policy = findPolicy('dkv').create({}, { promptCells: 0, seed, vocabulary })
      const held = positions.slice().sort()
      const cached = { held, leaving: 1, keys: withProducts(vectors), values: vectors }
      return [0, 1].map(() => [...policy.score(held, cached)])
    }
    expect(scoresOf(7)).toEqual(scoresOf(7))
    const all = [...scoresOf(7), ...scoresOf(8)].map((scores) => scores.join())
    expect(new Set(all).size).toBe(4)
  })

  test('dkv: vectors of zeros are the first to leave, and nothing but zeros gives no NaN', () => {
    const held = Int32Array.of(0, 1, 2)
    const score = (...numbers: number[]) => {
      const vectors = fakeVectors(held, 2, () => [Float32Array.from(numbers)])
      return [...make('dkv').score(held, { held, leaving: 1, keys: withProducts(vectors), values: vectors })]
    }
    expect(score(0, 0, 0, 0, 0, 0)).toEqual([0, 0, 0])
    const [first, second, third] = score(1, 2, 0, 0, 10, 20)
    expect(second).toBe(0)
    // Ten times as long in keys and in values.
    expect(third! / first!).toBeCloseTo(1e4, 0)
  })

  const key = fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 5, maxLength: 5 })
  const whole = key.filter((values) => values.some((value) => value !== 0))

  test('r-kv: lambda * I - (1 - lambda) * R, against the matrices', () => {
    fc.assert(
      fc.property(fc.array(whole, { minLength: 2, maxLength: 20 }), (keys) => {
        const threshold = 0.4321
        // A cosine on the threshold may fall to either side.
        fc.pre(keys.every((a, i) => keys.every((b, j) => i === j || Math.abs(cosine(a, b) - threshold) > 1e-5)))
        const policy = make('r-kv', { rKvSimilarity: threshold, rKvWindow: 1 })
        policy.observe?.({ position: 0, token: 0, attention: row(...keys.map((_, i) => i / 100)) })
        const held = Int32Array.from(keys.keys())
        const scores = policy.score(held, { held, leaving: 1, keys: keysOf(keys) })
        const expected = slowRedundancy(keys, threshold).map((redundant, i) => {
          return (0.1 * Math.min(i + 3, keys.length - 1)) / 100 - 0.9 * redundant
        })
        scores.forEach((score, i) => expect(score).toBeCloseTo(expected[i]!, 6))
      }),
    )
  })

  test('r-kv: the same over more cells than are multiplied at once', () => {
    const keys = Array.from({ length: 600 }, (_, i) =>
      Array.from({ length: 6 }, (_, j) => Math.sin(i * i + 2.5 * j * i + j + 1)),
    )
    for (const threshold of [0.3, 0.95, 0]) {
      const policy = make('r-kv', { rKvSimilarity: threshold, rKvWindow: 1, rKvLambda: 0 })
      policy.observe?.({ position: 0, token: 0, attention: row(1) })
      const held = Int32Array.from(keys.keys())
      const scores = policy.score(held, { held, leaving: 1, keys: keysOf(keys) })
      const expected = slowRedundancy(keys, threshold)
      scores.forEach((score, i) => expect(score * 600).toBeCloseTo(-expected[i]! * 600, 5))
    }
  })

  test('r-kv: importance is pooled over candidates in the order of positions, redundancy runs over all cells', () => {
    const policy = make('r-kv', { rKvPool: 3, rKvLambda: 1 })
    policy.observe?.({ position: 0, token: 0, attention: row(0.4, 0.1, 0, 0.2, 0, 0.3) })
    const keys = keysOf(Array.from({ length: 6 }, () => [1, 0]))
    const scores = policy.score(Int32Array.of(1, 2, 4), { held: Int32Array.of(0, 1, 2, 3, 4, 5), leaving: 1, keys })
    expect([...scores]).toEqual([...Float32Array.of(0.1, 0.1, 0)])
  })

  test('r-kv: a cell without alike ones stays before one of many', () => {
    const policy = make('r-kv')
    policy.observe?.({ position: 0, token: 0, attention: row(0, 0, 0, 0, 0) })
    const keys = keysOf([
      [1, 0],
      [1, 0.1],
      [0, 1],
      [1, 0],
      [1, -0.1],
    ])
    const [a, b, c] = policy.score(Int32Array.of(0, 1, 2), { held: Int32Array.of(0, 1, 2, 3, 4), leaving: 1, keys })
    expect(c).toBeGreaterThan(Math.max(a!, b!))
  })

  test('r-kv: keys of zeros have no direction, and no NaN', () => {
    const policy = make('r-kv')
    policy.observe?.({ position: 0, token: 0, attention: row(0.5, 0.5) })
    const held = Int32Array.of(0, 1)
    const scores = policy.score(held, {
      held,
      leaving: 1,
      keys: keysOf([
        [0, 0],
        [0, 0],
      ]),
    })
    expect([...scores]).toEqual([...Float32Array.of(0.05 - 0.45, 0.05 - 0.45)])
  })
})

test('entropy: that of each token, and none of the prompt; without it, it says so', () => {
  const policy = make('entropy')
  for (const [i, entropy] of [undefined, undefined, 0.5, 2, 0, 1.25].entries())
    policy.observe?.({ position: i, token: 0, ...(entropy !== undefined && { entropy }) })
  expect([...policy.score(Int32Array.of(2, 3, 5), { held: Int32Array.of(0, 1, 2, 3, 5), leaving: 1 })]).toEqual([
    0.5, 2, 1.25,
  ])
  expect(() => policy.observe?.({ position: 6, token: 0 })).toThrow('No entropy was supplied for position 6')
})

test('sepllm: separators are one mark, with or without white space, white space only, and the begin token', () => {
  const policy = make('sepllm')
  for (const token of texts.keys()) policy.observe?.({ position: token, token })
  const positions = Int32Array.from(texts.keys())
  const separators = texts.filter((_, i) => policy.score(positions, { held: positions, leaving: 1 })[i] === 1)
  expect(separators).toEqual(['.', ', ', ' \n', ' ', '<s>', ':', '\t;', '\u00a0', '!\n\n'])
})

test('under every policy the same number of cells is left by every eviction, at the same steps', () => {
  const evicting = policyNames()
    .map(findPolicy)
    .filter(({ evicts }) => evicts)
  expect(evicting.length).toBeGreaterThan(12)
  fc.assert(
    fc.property(generations(fc.constant({})), (generation) => {
      // As many as an attention sink takes are left to every policy.
      const { budget, localWindow } = generation.settings
      fc.pre(generation.promptCells >= 4 && budget - localWindow > 4)
      const sizes = evicting.map((definition) => {
        return generate(definition, generation).evictions.map(({ held, kept }) => [
          held.at(-1),
          held.length,
          kept.length,
        ])
      })
      for (const [i, size] of sizes.entries()) expect(size, evicting[i]!.name).toEqual(sizes[0])
    }),
    { numRuns: 40 },
  )
})
