import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import {
  AttentionProbe,
  defaultSampling,
  LlamaContext,
  LlamaModel,
  loadLibrary,
  parseState,
  restoreSequence,
  Sampler,
  saveSequence,
  type ContextOptions,
} from '../../src/llama/index.ts'
import { removalRuns } from '../../src/cache/runs.ts'
import { importanceOracle, maxDifference, tinyF32 } from '../oracle.ts'
import { readKeys } from '../support/read-keys.ts'

let model: LlamaModel
const trace = importanceOracle().traces[0]!

beforeAll(() => {
  model = LlamaModel.load(loadLibrary('off'), tinyF32)
})
afterAll(() => model.dispose())

function makeContext(options: Partial<ContextOptions> = {}): LlamaContext {
  return LlamaContext.create(model, { cellsPerSequence: 256, threads: 1, kvType: 'f32', ...options })
}

/** Logits after one more token, copied. */
function logitsAfter(context: LlamaContext, token: number, position: number, sequenceId = 0): Float32Array {
  context.decode({ tokens: [token], positions: [position], sequenceIds: [sequenceId] }, false)
  return context.logits(0).slice()
}

describe('CellSlots follows llama.cpp', () => {
  const command = fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant('append' as const), count: fc.integer({ min: 1, max: 60 }) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('remove' as const), at: fc.nat(100), length: fc.nat(40) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('compact' as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('restore' as const) }) },
  )

  test('after any appends, removals, compactions and restorations the cells are in the order that llama.cpp saves', () => {
    using context = makeContext({ sequences: 2, batchTokens: 32 })
    fc.assert(
      fc.property(fc.array(command, { minLength: 5, maxLength: 25 }), fc.constantFrom(0, 1), (commands, sequence) => {
        context.clear(sequence)
        const layout = context.layouts[sequence]!
        let next = 0
        for (const one of commands) {
          const held = layout.positions.filter((position) => position >= 0).sort()
          if (one.do === 'append') {
            const count = Math.min(one.count, context.cellsPerSequence - layout.used)
            if (count === 0) continue
            context.append(sequence, new Int32Array(count).fill(9), next, 'none')
            next += count
          } else if (one.do === 'remove') {
            // The newest cell stays.
            const p0 = held[Math.floor((one.at / 101) * Math.max(0, held.length - 1))] ?? 0
            const p1 = Math.min(p0 + one.length + 1, held.at(-1) ?? 0)
            if (p1 > p0) context.remove(sequence, p0, p1)
          } else if (held.length > 0) {
            if (one.do === 'compact') context.compact(sequence)
            else restoreSequence(context, sequence, saveSequence(context, sequence))
          }
          const { positions } = parseState(saveSequence(context, sequence), context.model)
          expect([...layout.positions].filter((position) => position >= 0)).toEqual([...positions])
        }
      }),
      { numRuns: 15, seed: 1 },
    )
  }, 120_000)

  test('the width is what attention runs over', () => {
    const probe = new AttentionProbe(model.library)
    using context = makeContext({ attentionProbe: probe })
    context.append(0, trace.tokens.slice(0, 200), 0)
    context.remove(0, 20, 190)
    context.compact(0)
    expect(context.layouts[0]!.width).toBe(30)
    probe.active = true
    logitsAfter(context, trace.tokens[200]!, 200)
    const { weights, width } = probe.take()
    const used = context.layouts[0]!.positions
    let sum = 0
    for (let cell = 0; cell < width; cell++) {
      if ((used[cell] ?? -1) < 0) expect(weights[cell]).toBe(0)
      else expect(weights[cell]).toBeGreaterThan(0)
      sum += weights[cell]!
    }
    expect(sum).toBeCloseTo(1, 5)
  })
})

describe('the state of a sequence', () => {
  test('saved and restored, into the same and into another sequence: the next logits are the same', () => {
    using context = makeContext({ sequences: 2 })
    const prompt = trace.tokens.slice(0, 100)
    context.append(0, prompt, 0)
    context.remove(0, 10, 40)
    const state = saveSequence(context, 0)
    const expected = logitsAfter(context, trace.tokens[100]!, 100)
    restoreSequence(context, 0, state)
    expect(Buffer.compare(saveSequence(context, 0), state)).toBe(0)
    restoreSequence(context, 1, state)
    for (const sequenceId of [0, 1]) {
      expect(maxDifference(logitsAfter(context, trace.tokens[100]!, 100, sequenceId), expected)).toBeLessThan(1e-3)
    }
    // The cells that were removed are missed.
    context.clear(1)
    context.append(1, prompt, 0)
    expect(maxDifference(logitsAfter(context, trace.tokens[100]!, 100, 1), expected)).toBeGreaterThan(0.1)
  })

  test('compaction on the device, as on a GPU, gives the same cells as through the host', () => {
    using context = makeContext({ sequences: 2 })
    for (const sequenceId of [0, 1]) {
      context.append(sequenceId, trace.tokens.slice(0, 120), 0)
      context.remove(sequenceId, 30, 80)
    }
    const { c } = model.library
    const onDevice = 2
    const size = c.llama_state_seq_get_size_ext(context.pointer, 0, onDevice)
    const state = new Uint8Array(size)
    expect(c.llama_state_seq_get_data_ext(context.pointer, state, size, 0, onDevice)).toBe(size)
    expect(c.llama_state_seq_set_data_ext(context.pointer, state, size, 0, onDevice)).toBe(size)
    context.compact(1)
    const [onDeviceKeys, hostKeys] = [readKeys(context, 0), readKeys(context, 1)]
    expect(onDeviceKeys).toEqual(hostKeys)
    expect(parseState(state, context.model).positions).toEqual(hostKeys.positions)
    const { positions } = context.layouts[1]!
    expect([...positions.subarray(0, 70)]).toEqual([...hostKeys.positions])
    expect(size).toBeLessThan(saveSequence(context, 1).length / 100)
  })

  test.each([
    { kvType: 'f32', flashAttention: false },
    { kvType: 'f16', flashAttention: false },
    { kvType: 'f16', flashAttention: true },
    { kvType: 'q8_0', flashAttention: true },
  ] as const)('cells that are left out leave what removing and compacting leave: %j', (options) => {
    using context = makeContext({ ...options, sequences: 2 })
    const cells = 140
    for (const sequenceId of [0, 1]) context.append(sequenceId, trace.tokens.slice(0, cells), 0, 'none')
    const filled = saveSequence(context, 0)
    const anyRanges = fc.uniqueArray(fc.nat(cells - 2), { minLength: 40, maxLength: 100 }).map((leaving) =>
      removalRuns(
        Int32Array.from({ length: cells }, (_, position) => position),
        Int32Array.from(leaving).sort(),
      ),
    )
    fc.assert(
      fc.property(anyRanges, anyRanges, (first, second) => {
        const left = [0, 1].map((sequenceId) => {
          restoreSequence(context, sequenceId, filled)
          // The second time there are holes already.
          for (const ranges of [first, second]) {
            if (sequenceId === 0) for (const [p0, p1] of ranges) context.remove(0, p0, p1)
            context.compact(sequenceId, sequenceId === 0 ? [] : ranges)
          }
          return { state: saveSequence(context, sequenceId), layout: [...context.layouts[sequenceId]!.positions] }
        })
        // Before the data stand the sequence's number and the streams; behind those of the first is that of the second, which is empty.
        const [one, other] = left.map(({ state }) => parseState(state, model))
        expect(other!.positions).toEqual(one!.positions)
        const dataOf = (i: number) => Buffer.from(left[i]!.state.subarray([one, other][i]!.dataOffset))
        expect(dataOf(1).equals(dataOf(0).subarray(0, -4))).toBe(true)
        expect(left[1]!.layout).toEqual(left[0]!.layout)
      }),
      { numRuns: 20 },
    )
  })

  test('a sequence without cells can be compacted, saved and restored', () => {
    using context = makeContext()
    context.compact(0)
    restoreSequence(context, 0, saveSequence(context, 0))
    expect(context.layouts[0]!.used).toBe(0)
    expect(readKeys(context, 0)).toEqual({ positions: new Int32Array(0), layers: [] })
    context.append(0, trace.tokens.slice(0, 5), 0)
    expect(readKeys(context, 0).positions).toEqual(Int32Array.of(0, 1, 2, 3, 4))
  })

  test('a compaction that fails leaves the sequence empty, and the others as they are', () => {
    using context = makeContext({ sequences: 2 })
    for (const sequenceId of [0, 1]) context.append(sequenceId, trace.tokens.slice(0, 50), 0, 'none')
    context.remove(0, 10, 20)
    const restoring = vi.spyOn(model.library.c, 'llama_state_seq_set_data_ext').mockReturnValueOnce(0)
    try {
      expect(() => context.compact(0)).toThrow(expect.objectContaining({ code: 'restore_failed' }))
    } finally {
      restoring.mockRestore()
    }
    expect(parseState(saveSequence(context, 0), context.model).positions).toHaveLength(0)
    expect(context.layouts.map(({ used }) => used)).toEqual([0, 50])
    context.append(0, [1, 2, 3], 0)
    expect(readKeys(context, 0).positions).toEqual(Int32Array.of(0, 1, 2))
  })

  test('keys: a row for each cell, those of float16 and q8_0 near those of float32', () => {
    const keysOf = (kvType: 'f32' | 'f16' | 'q8_0') => {
      using context = makeContext({ kvType })
      context.append(0, trace.tokens.slice(0, 60), 0, 'none')
      context.remove(0, 20, 30)
      return readKeys(context, 0)
    }
    const exact = keysOf('f32')
    expect([...exact.positions]).toEqual([...Array(20).keys(), ...[...Array(30).keys()].map((i) => i + 30)])
    expect(exact.layers).toHaveLength(6)
    const size = Math.max(...exact.layers.map((values) => Math.max(...values.map(Math.abs))))
    for (const values of exact.layers) expect(values).toHaveLength(50 * 128)
    const half = keysOf('f16')
    expect(half.positions).toEqual(exact.positions)
    half.layers.forEach((values, i) => {
      const difference = maxDifference(values, exact.layers[i]!)
      expect(difference).toBeLessThan(2e-3 * size)
      expect(difference).toBeGreaterThan(0)
    })
    // llama.cpp rotates the keys of each head before it quantises them: their products stay what they were.
    const quantised = keysOf('q8_0')
    expect(quantised.positions).toEqual(exact.positions)
    const products = (values: Float32Array) =>
      Float32Array.from({ length: 50 * 2 }, (_, i) => {
        const [row, head] = [i % 50, i < 50 ? 0 : 64]
        let sum = 0
        for (let d = head; d < head + 64; d++) sum += values[row * 128 + d]! * values[((row * 7 + 3) % 50) * 128 + d]!
        return sum
      })
    quantised.layers.forEach((layer, i) => {
      const expected = products(exact.layers[i]!)
      expect(layer).toHaveLength(50 * 128)
      expect(maxDifference(products(layer), expected)).toBeLessThan(0.03 * Math.max(...expected.map(Math.abs)))
    })
  })

  test('a key depends on its token and position alone in the first layer', () => {
    using context = makeContext({ sequences: 2 })
    context.append(0, [5, 6, 7], 0, 'none')
    context.append(1, [8, 9, 7], 0, 'none')
    const [first, second] = [0, 1].map((sequenceId) => readKeys(context, sequenceId).layers[0]!)
    expect(maxDifference(first!.slice(2 * 128), second!.slice(2 * 128))).toBeLessThan(1e-5)
    expect(maxDifference(first!.slice(128, 256), second!.slice(128, 256))).toBeGreaterThan(0.1)
  })
})

describe('what would end the process in C is refused before', () => {
  const wrongNumbers = [-1, 1, 1.5, NaN, Infinity, -Infinity, 2 ** 31, 2 ** 32, -(2 ** 31)]

  test('sequence ids', () => {
    using context = makeContext()
    for (const wrong of wrongNumbers) {
      expect(() => context.append(wrong, [1], 0)).toThrow(RangeError)
      expect(() => context.decode({ tokens: [1], positions: [0], sequenceIds: [wrong] }, true)).toThrow(RangeError)
      expect(() => context.remove(wrong, 0, 1)).toThrow(RangeError)
      expect(() => context.clear(wrong)).toThrow(RangeError)
      expect(() => context.compact(wrong)).toThrow(RangeError)
      expect(() => saveSequence(context, wrong)).toThrow(RangeError)
      expect(() => readKeys(context, wrong)).toThrow(RangeError)
      expect(() => restoreSequence(context, wrong, saveSequence(context, 0))).toThrow(RangeError)
    }
  })

  test('tokens and positions', () => {
    using context = makeContext()
    for (const wrong of wrongNumbers.filter((value) => value !== 1)) {
      expect(() => context.append(0, [1, wrong], 0)).toThrow(RangeError)
      expect(() => context.append(0, [1], wrong)).toThrow(RangeError)
      expect(() => context.decode({ tokens: [wrong], positions: [0], sequenceIds: [0] }, true)).toThrow(RangeError)
      expect(() => context.decode({ tokens: [1], positions: [wrong], sequenceIds: [0] }, true)).toThrow(RangeError)
      expect(() => model.vocab.piece(wrong)).toThrow(RangeError)
      expect(model.vocab.endsGeneration(wrong)).toBe(false)
    }
    expect(() => context.append(0, [model.vocab.size], 0)).toThrow(RangeError)
    expect(() => context.append(0, [], 0)).toThrow(RangeError)
    expect(() => context.decode({ tokens: [], positions: [], sequenceIds: [] }, true)).toThrow(RangeError)
    expect(() => context.decode({ tokens: [1], positions: [], sequenceIds: [0] }, true)).toThrow(RangeError)
    expect(context.layouts[0]!.used).toBe(0)
  })

  test('ranges', () => {
    using context = makeContext()
    context.append(0, [1, 2, 3], 0)
    for (const [p0, p1] of [
      [2, 1],
      [1, 1],
      [-1, 2],
      [0, -1],
      [0, 2 ** 31],
      [NaN, 2],
      [0, 1.5],
      [-1, -1],
    ] as const) {
      expect(() => context.remove(0, p0, p1)).toThrow(RangeError)
    }
    expect(context.layouts[0]!.used).toBe(3)
  })

  test('output rows', () => {
    using context = makeContext()
    expect(() => context.logits(0)).toThrow(RangeError)
    context.append(0, [1, 2, 3], 0)
    for (const wrong of wrongNumbers) {
      expect(() => context.logits(wrong)).toThrow(RangeError)
      expect(() => context.outputIndex(wrong)).toThrow(RangeError)
    }
    expect(() => context.hiddenState(0)).toThrow('without hidden states')
    context.append(0, [1], 3, 'none')
    expect(() => context.logits(0)).toThrow(RangeError)
    using sampler = Sampler.create(model, defaultSampling, 1)
    expect(() => sampler.sample(context, 0)).toThrow(RangeError)
    expect(() => context.append(0, [1, 2], 4, 'all')).toThrow(RangeError)
  })

  test('a failed step leaves no output behind', () => {
    using context = makeContext()
    context.append(0, [1, 2, 3], 0)
    expect(() => context.append(0, [1], 9)).toThrow(expect.objectContaining({ code: 'decode_failed' }))
    expect(() => context.logits(0)).toThrow(RangeError)
    context.append(0, [1], 3)
    expect(context.layouts[0]!.used).toBe(4)
  })

  test('more tokens than cells', () => {
    using context = makeContext({ sequences: 2 })
    expect(() => context.append(0, new Int32Array(257), 0)).toThrow(RangeError)
    context.append(0, new Int32Array(256), 0)
    expect(() => context.append(0, [1], 256)).toThrow(RangeError)
    const both = { tokens: [1, 1], positions: [0, 256], sequenceIds: [1, 0] }
    expect(() => context.decode(both, false)).toThrow(RangeError)
    expect(() => context.decode({ tokens: [1, 1], positions: [0, 1], sequenceIds: [1, 1] }, false)).toThrow('twice')
    // The other sequence has cells of its own.
    context.append(1, new Int32Array(256), 0)
  })

  test('sizes of a context', () => {
    for (const wrong of [0, -1, 1.5, NaN, Infinity, 2 ** 33]) {
      for (const key of ['cellsPerSequence', 'sequences', 'threads', 'batchTokens', 'outputRows']) {
        expect(() => makeContext({ [key]: wrong })).toThrow(
          expect.objectContaining({ name: 'InputError', code: 'invalid_context' }),
        )
      }
    }
    expect(() => makeContext({ cellsPerSequence: 2 ** 24, sequences: 256 })).toThrow(
      expect.objectContaining({ code: 'invalid_context' }),
    )
    expect(() => makeContext({ sequences: 4, outputRows: 3 })).toThrow(
      expect.objectContaining({ code: 'invalid_context' }),
    )
    expect(() => makeContext({ kvType: 'q8_0', flashAttention: false })).toThrow(
      expect.objectContaining({ code: 'invalid_context' }),
    )
  })

  test('more sequences than a batch has tokens', () => {
    using context = makeContext({ sequences: 4, batchTokens: 2 })
    const alone = [0, 1, 2, 3].map((sequenceId) => {
      context.append(sequenceId, [1, 2, 3 + sequenceId], 0)
      return context.logits(0).slice()
    })
    for (let sequenceId = 0; sequenceId < 4; sequenceId++) context.remove(sequenceId, 2, 3)
    context.decode({ tokens: [3, 4, 5, 6], positions: [2, 2, 2, 2], sequenceIds: [0, 1, 2, 3] }, false)
    alone.forEach((logits, row) => expect(maxDifference(context.logits(row), logits)).toBeLessThan(1e-3))
  })

  test('a state that is damaged, cut, of another cache type or too large', () => {
    using context = makeContext()
    context.append(0, trace.tokens.slice(0, 40), 0)
    const state = saveSequence(context, 0)
    using other = makeContext({ kvType: 'f16' })
    expect(() => restoreSequence(other, 0, state)).toThrow(expect.objectContaining({ code: 'restore_failed' }))
    expect(() => restoreSequence(context, 0, state.slice(0, state.length / 2))).toThrow()
    expect(() => restoreSequence(context, 0, new Uint8Array(0))).toThrow()
    expect(context.layouts[0]!.used).toBe(0)
    using larger = makeContext({ cellsPerSequence: 512 })
    larger.append(0, new Int32Array(300), 0)
    expect(() => restoreSequence(context, 0, saveSequence(larger, 0))).toThrow()
    context.append(0, [1, 2, 3], 0)
    expect(context.logits(0).every(Number.isFinite)).toBe(true)
  })

  test('everything, after disposal', () => {
    const own = LlamaModel.load(model.library, tinyF32)
    const context = LlamaContext.create(own, { cellsPerSequence: 256, threads: 1 })
    const sampler = Sampler.create(own, defaultSampling, 1)
    context.append(0, [1, 2, 3], 0)
    const state = saveSequence(context, 0)
    const again = LlamaContext.create(own, { cellsPerSequence: 256, threads: 1 })
    context.dispose()
    context.dispose()
    const uses: (() => unknown)[] = [
      () => context.append(0, [1], 3),
      () => context.decode({ tokens: [1], positions: [3], sequenceIds: [0] }, true),
      () => context.logits(0),
      () => context.hiddenState(0),
      () => context.remove(0, 0, 1),
      () => context.clear(0),
      () => context.compact(0),
      () => saveSequence(context, 0),
      () => restoreSequence(context, 0, state),
      () => readKeys(context, 0),
      () => sampler.sample(context, 0),
    ]
    for (const use of uses) expect(use).toThrow()
    own.dispose()
    own.dispose()
    // With the model went what depends on it.
    expect([again.disposed, sampler.disposed]).toEqual([true, true])
    const more: (() => unknown)[] = [
      () => again.append(0, [1], 0),
      () => sampler.accept(1),
      () => own.vocab.tokenize('a'),
      () => own.vocab.piece(300),
      () => own.vocab.endsGeneration(1),
      () => own.notEvictable,
      () => own.unusable,
      () => LlamaContext.create(own, { cellsPerSequence: 256, threads: 1 }),
      () => Sampler.create(own, defaultSampling, 1),
    ]
    for (const use of more) expect(use).toThrow('disposed')
  })
})

test('a text is the same after it was tokenised, a byte order mark at its beginning included', () => {
  for (const text of ['\uFEFFa', 'a\uFEFF', ' \u0000é中😀\n', '']) {
    expect(model.vocab.detokenize(model.vocab.tokenize(text))).toBe(text)
  }
})

describe('samplers', () => {
  test('settings at the ends of their ranges give tokens of the vocabulary', () => {
    using context = makeContext()
    context.append(0, trace.tokens.slice(0, 20), 0)
    const extremes = [
      { temperature: 1e-300 },
      { temperature: 1e-40, topK: 0 },
      { temperature: 1e300, topK: 0 },
      { repeatPenalty: 1e300 },
      { repeatPenalty: 1e-300, topK: 0 },
      { minP: 0.9999999999 },
      { topP: 1e-300 },
      { topK: 2 ** 31 - 1 },
      { frequencyPenalty: -100, presencePenalty: 100, repeatLastN: 65_536 },
    ]
    for (const extreme of extremes) {
      using sampler = Sampler.create(model, { ...defaultSampling, ...extreme }, 1)
      for (let i = 0; i < 5; i++) expect(model.vocab.isToken(sampler.sample(context, 0))).toBe(true)
    }
  })

  test('a temperature too small for a float32 draws the likeliest token', () => {
    using context = makeContext()
    context.append(0, trace.tokens.slice(0, 20), 0)
    const logits = [...context.logits(0)]
    const likeliest = logits.indexOf(Math.max(...logits))
    for (const temperature of [0, 1e-300, 1e-40, 1e-7]) {
      using sampler = Sampler.create(model, { ...defaultSampling, temperature, topK: 0, topP: 1 }, 5)
      expect(sampler.sample(context, 0)).toBe(likeliest)
    }
  })

  test('tokens are drawn as often as their probabilities say', () => {
    using context = makeContext()
    context.append(0, trace.tokens.slice(0, 12), 0)
    const weights = [...context.logits(0)].map((logit) => Math.exp(logit / 1.5))
    const total = weights.reduce((sum, weight) => sum + weight, 0)
    const draws = 4000
    const counts = new Map<number, number>()
    for (let seed = 0; seed < draws; seed++) {
      using sampler = Sampler.create(model, { ...defaultSampling, temperature: 1.5, topK: 0, topP: 1 }, seed)
      const token = sampler.sample(context, 0)
      counts.set(token, (counts.get(token) ?? 0) + 1)
    }
    const likely = weights.map((weight, token) => ({ token, p: weight / total })).toSorted((a, b) => b.p - a.p)
    for (const { token, p } of likely.slice(0, 8)) {
      // Five standard deviations.
      expect(Math.abs((counts.get(token) ?? 0) - draws * p)).toBeLessThan(5 * Math.sqrt(draws * p * (1 - p)) + 1)
    }
  })
})

test('200 contexts and samplers come and go without leaving memory behind', () => {
  const script = fileURLToPath(new URL('../support/come-and-go.js', import.meta.url))
  const env = { ...process.env, MALLOC_MMAP_THRESHOLD_: '1000000' }
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, tinyF32], { env, encoding: 'utf8' })
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  // Each holds more than 3 MiB of cells and buffers: 200 that stayed would be 600 MiB.
  expect(Number(stdout)).toBeLessThan(150)
}, 120_000)
