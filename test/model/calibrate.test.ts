/**
 * Calibration on real models: mean queries against the weights in float64, however a model rotates them; its file; the scores of `tri` on
 * the caches of all formats.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { calibrate, type CalibrateOptions } from '../../src/calibration/calibrate.ts'
import { readCalibration, writeCalibration, type CalibrationFile } from '../../src/calibration/calibration-file.ts'
import { findCalibration } from '../../src/calibration/find.ts'
import { importStatistics } from '../../src/calibration/import-statistics.ts'
import { InputError } from '../../src/errors.ts'
import { triScores } from '../../src/eviction/tri-scores.ts'
import { LlamaContext, LlamaModel, loadLibrary, type KvType } from '../../src/llama/index.ts'
import { readGguf, type GgufFile } from '../../src/models/gguf-reader.ts'
import { GgufMetadata } from '../../src/models/gguf-metadata.ts'
import { importanceOracle, maxDifference, tinyCalibration, tinyF16, tinyF32, tinyPredictor } from '../oracle.ts'
import { others, type ModelPlan } from '../support/families.ts'
import { f32, text, u32, writeRandomGguf } from '../support/gguf-writer.ts'

const folder = mkdtempSync(join(tmpdir(), 'dynts-calibrate-'))
afterAll(() => rmSync(folder, { recursive: true }))

const library = loadLibrary('off')
const tokens = Array.from({ length: 200 }, (_, i) => (i * i + 3 * i) % 61)

function fileOf({ metadata, tensors }: ModelPlan, changes: Partial<ModelPlan> = {}): string {
  const path = join(folder, 'model.gguf')
  const all = [...tensors, ...(changes.tensors ?? [])]
  writeFileSync(path, writeRandomGguf({ ...metadata, ...changes.metadata }, all))
  return path
}

function calibrated(path: string, options: CalibrateOptions = {}) {
  using model = LlamaModel.load(library, path)
  const steps = calibrate(model, [tokens.slice(0, 130), tokens.slice(130)], { threads: 1, ...options })
  const done: number[] = []
  let step = steps.next()
  for (; !step.done; step = steps.next()) done.push(step.value)
  return { calibration: step.value, done }
}

/** A tensor of a file of float32, as float64. */
function tensorOf(file: GgufFile, bytes: Buffer, name: string): number[] | undefined {
  const tensor = file.tensors.find((one) => one.name === name)
  if (!tensor) return undefined
  expect(tensor.type).toBe('F32')
  return Array.from({ length: tensor.bytes / 4 }, (_, i) => bytes.readFloatLE(tensor.offset + 4 * i))
}

function normed(x: readonly number[], weight: readonly number[], epsilon: number): number[] {
  const scale = 1 / Math.sqrt(x.reduce((sum, value) => sum + value * value, 0) / x.length + epsilon)
  return x.map((value, i) => value * scale * weight[i]!)
}

/** Queries of the first layer of a Llama, Qwen2 or Qwen3, [token][channel of any head]. */
async function firstLayerQueries(path: string, headSize: number): Promise<number[][]> {
  const file = await readGguf(path)
  const bytes = readFileSync(path)
  const metadata = new GgufMetadata(file)
  const tensor = (name: string) => tensorOf(file, bytes, name)
  const [embedding, norm, weight] = ['token_embd.weight', 'blk.0.attn_norm.weight', 'blk.0.attn_q.weight'].map((name) =>
    tensor(name)!,
  )
  const bias = tensor('blk.0.attn_q.bias')
  const headNorm = tensor('blk.0.attn_q_norm.weight')
  const epsilon = metadata.real(metadata.key('attention.layer_norm_rms_epsilon'))!
  const width = norm!.length
  return tokens.map((token) => {
    const x = normed(embedding!.slice(token * width, (token + 1) * width), norm!, epsilon)
    const query = Array.from({ length: weight!.length / width }, (_, row) =>
      x.reduce((sum, value, i) => sum + value * weight![row * width + i]!, bias?.[row] ?? 0),
    )
    if (!headNorm) return query
    const heads = Array.from({ length: query.length / headSize }, (_, head) =>
      query.slice(head * headSize, (head + 1) * headSize),
    )
    return heads.flatMap((one) => normed(one, headNorm, epsilon))
  })
}

const yarn = {
  'qwen2.rope.scaling.type': text('yarn'),
  'qwen2.rope.scaling.factor': f32(4),
  'qwen2.rope.scaling.original_context_length': u32(256),
}
const cases: [string, () => string, { size: number; pairs: number; pairing: 'halves' | 'adjacent' }][] = [
  ['the embedded model', () => tinyF32, { size: 64, pairs: 32, pairing: 'halves' }],
  ['Llama', () => fileOf(others.Llama()), { size: 8, pairs: 4, pairing: 'adjacent' }],
  [
    'Llama with factors of its frequencies',
    () => fileOf(others.Llama(), { tensors: [{ name: 'rope_freqs.weight', shape: [4] }] }),
    { size: 8, pairs: 4, pairing: 'adjacent' },
  ],
  ['Qwen2', () => fileOf(others.Qwen2()), { size: 8, pairs: 4, pairing: 'halves' }],
  ['Qwen2 under YaRN', () => fileOf(others.Qwen2(), { metadata: yarn }), { size: 8, pairs: 4, pairing: 'halves' }],
  ['Qwen3, queries normed', () => fileOf(others.Qwen3()), { size: 8, pairs: 4, pairing: 'halves' }],
]

describe.each(cases)('%s', (name, make, { size, pairs, pairing }) => {
  test('mean queries and lengths of the first layer are those of its weights', async () => {
    const path = make()
    const queries = await firstLayerQueries(path, size)
    const { calibration } = calibrated(path)
    const { rotation, layers } = calibration
    expect({ pairing: rotation.pairing, pairs: rotation.frequencies.length }).toEqual({ pairing, pairs })
    expect(rotation.scale === 1).toBe(!name.includes('YaRN'))
    const mean = queries[0]!.map((_, i) => queries.reduce((sum, query) => sum + query[i]!, 0) / queries.length)
    const lengths = Array.from({ length: (queries[0]!.length / size) * pairs }, (_, i) => {
      const head = Math.floor(i / pairs) * size
      const f = i % pairs
      const [a, b] = pairing === 'halves' ? [head + f, head + f + pairs] : [head + 2 * f, head + 2 * f + 1]
      return queries.reduce((sum, query) => sum + Math.hypot(query[a]!, query[b]!), 0) / queries.length
    })
    const [first] = layers
    expect(maxDifference(first!.mean, mean)).toBeLessThan(2e-4)
    expect(maxDifference(first!.length, lengths)).toBeLessThan(2e-4)
    expect(Math.max(...mean.map(Math.abs))).toBeGreaterThan(0.01)
  })

  test('they do not depend on where the text begins, nor on how many tokens see each other in the first layer', () => {
    const path = make()
    const { calibration: here } = calibrated(path)
    const { calibration: later } = calibrated(path, { start: 300 })
    const { calibration: short, done } = calibrated(path, { windowTokens: 70 })
    for (const [l, layer] of here.layers.entries()) {
      expect(maxDifference(layer.mean, later.layers[l]!.mean)).toBeLessThan(3e-3)
      expect(maxDifference(layer.length, later.layers[l]!.length)).toBeLessThan(3e-3)
    }
    expect(maxDifference(here.layers[0]!.mean, short.layers[0]!.mean)).toBeLessThan(1e-3)
    expect(maxDifference(here.layers[1]!.mean, short.layers[1]!.mean)).toBeGreaterThan(1e-4)
    expect(done).toEqual([64, 70, 130, 194, 200])
  })
})

test('a model without rotations is refused', () => {
  expect(() => calibrated(fileOf(others['GPT-2']()))).toThrow(
    expect.objectContaining({
      code: 'not_calibratable',
      message:
        'This model cannot be calibrated: rotated queries were seen in 0 of its 2 layers with full attention and a cache.',
    }),
  )
})

describe('the file', () => {
  const { calibration } = calibrated(tinyF32)
  const model = { architecture: 'qwen2', hiddenSize: 256, layers: 6, vocabularySize: 768, name: 'tiny' }
  const file: CalibrationFile = { ...calibration, model, tokens: 200 }
  const path = join(folder, 'tiny.calibration.gguf')

  test('is read back as it was written', async () => {
    writeCalibration(library, path, file)
    const read = await readCalibration(path)
    const { frequencies } = read.rotation
    expect({ ...read, rotation: { ...read.rotation, frequencies: Float32Array.from(frequencies) } }).toEqual({
      ...file,
      rotation: { ...file.rotation, frequencies: Float32Array.from(file.rotation.frequencies) },
    })
  })

  test('of another kind, of no layers, of shapes that do not fit: refused', async () => {
    await expect(readCalibration(tinyPredictor)).rejects.toMatchObject({ code: 'not_a_calibration' })
    const [first] = file.layers
    const broken: [Partial<CalibrationFile>, string][] = [
      [{ layers: [] }, 'it has no layers'],
      [{ layers: [{ ...first!, length: first!.length.slice(0, 64) }] }, 'its shapes contradict each other'],
      [{ layers: [{ ...first!, mean: first!.mean.map(() => NaN) }] }, 'not finite'],
      [{ rotation: { ...file.rotation, scale: 0 } }, 'its scale is no number above 0'],
      [{ rotation: { ...file.rotation, pairing: 'none' as 'halves' } }, 'how channels are paired is unknown'],
    ]
    for (const [change, problem] of broken) {
      writeCalibration(library, path, { ...file, ...change })
      await expect(readCalibration(path)).rejects.toMatchObject({
        code: 'invalid_calibration',
        message: expect.stringContaining(problem) as string,
      })
    }
  })

  /** The form of a fork of llama.cpp. */
  function tria(change: (header: DataView) => void = () => undefined): string {
    const [layers, heads, size, pairs] = [6, 4, 64, 32]
    const bytes = Buffer.alloc(64 + 4 * layers + 4 * layers * heads * 4 * pairs)
    const view = new DataView(bytes.buffer, bytes.byteOffset)
    ;[0x54524941, 2, layers, heads, 2, size, pairs].forEach((word, i) => view.setUint32(4 * i, word, true))
    let at = 64 + 4 * layers
    const put = (value: number) => {
      view.setFloat32(at, value, true)
      at += 4
    }
    for (const { mean, length } of calibration.layers) {
      for (let head = 0; head < heads; head++) {
        for (let f = 0; f < pairs; f++) put(mean[head * size + f]!)
        for (let f = 0; f < pairs; f++) put(mean[head * size + f + pairs]!)
        for (let f = 0; f < pairs; f++) put(length[head * pairs + f]!)
        for (let f = 0; f < pairs; f++) put(0.5)
      }
    }
    change(view)
    const path = join(folder, 'model.tria')
    writeFileSync(path, bytes)
    return path
  }

  test('statistics in the form TRIA are taken over', () => {
    const shapes = {
      ...calibration,
      layers: calibration.layers.map((one) => ({ ...one, mean: one.mean.map(() => 9) })),
    }
    expect(importStatistics(tria(), shapes)).toEqual(calibration)
  })

  test.each<[string, (header: DataView) => void, string]>([
    ['another form', (header) => header.setUint32(0, 1, true), 'not_a_calibration'],
    ['another version', (header) => header.setUint32(4, 1, true), 'invalid_calibration'],
    ['a size that does not fit', (header) => header.setUint32(8, 5, true), 'invalid_calibration'],
    ['values that are no numbers', (header) => header.setFloat32(200, NaN, true), 'invalid_calibration'],
    ['another model', (header) => header.setUint32(20, 128, true), 'calibration_mismatch'],
  ])('TRIA of %s is refused', (_, change, code) => {
    expect(() => importStatistics(tria(change), calibration)).toThrow(expect.objectContaining({ code }))
  })

  /** Three heads of a model as large as the embedded one, by Python's own pickle and zip: see `ofSample`. */
  const sample = 'test/fixtures/sampled-heads.pt'
  /** What stands in it for frequency f. */
  const ofSample = (layer: number, head: number, f: number) => {
    return { real: layer + f / 64, imaginary: 0 - head - f / 64, length: 16 + 8 * layer + head + f / 64 }
  }

  test('statistics of TriAttention’s authors are taken over, of the heads that they have', () => {
    const { rotation, layers } = importStatistics(sample, calibration)
    expect(rotation).toBe(calibration.rotation)
    for (const [l, { heads, mean, length }] of layers.entries()) {
      for (let head = 0; head < heads; head++) {
        const isThere = [[0, 0], [0, 3], [4, 1]].some(([layer, one]) => layer === l && one === head) // prettier-ignore
        for (let f = 0; f < 32; f++) {
          const one = isThere ? ofSample(l, head, f) : { real: 0, imaginary: 0, length: 0 }
          const [real, imaginary] = [mean[head * 64 + f], mean[head * 64 + f + 32]]
          expect({ real, imaginary, length: length[head * 32 + f] }).toEqual(one)
        }
      }
    }
  })

  test('a sample of a model with fewer layers or heads is another model’s', () => {
    const fewer = { ...calibration, layers: calibration.layers.slice(0, 4) }
    expect(() => importStatistics(sample, fewer)).toThrow(expect.objectContaining({ code: 'calibration_mismatch' }))
  })

  /** The sample with some of its text replaced by as much other text. */
  function changedSample(from: string, to: string): string {
    const path = join(folder, 'changed.pt')
    const text = readFileSync(sample, 'latin1')
    expect(text).toContain(from)
    writeFileSync(path, text.replaceAll(from, to), 'latin1')
    return path
  }

  test.each([
    ['other numbers', 'FloatStorage', 'DoubleVector', 'it has torch.DoubleVector'],
    ['a function of its own', 'torch\nFloatStorage', 'posix\nsystemsystem', 'it has posix.systemsystem'],
    ['no statistics', 'stats', 'stuff', 'no `stats` of heads'],
    ['no size of a head', 'head_dim', 'head_dom', 'how large a head is'],
    ['a head that is named otherwise', 'layer04', 'later04', 'later04_head01 is no head'],
    ['a head of two of the three', 'q_abs_mean', 'q_abs_mode', 'layer00_head00 are incomplete'],
    ['lost numbers', 's/data/3', 's/lost/3', 'the numbers of a tensor are missing'],
    ['no pickle', 's/data.pkl', 's/data.txt', 'torch did not write it'],
  ])('a torch file with %s is refused', (_, from, to, message) => {
    expect(() => importStatistics(changedSample(from, to), calibration)).toThrow(
      expect.objectContaining({ code: 'invalid_calibration', message: expect.stringContaining(message) as string }),
    )
  })

  test('a damaged torch file is read or refused', () => {
    const path = join(folder, 'damaged.pt')
    const whole = readFileSync(sample)
    fc.assert(
      fc.property(
        fc.nat(whole.length),
        fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 5 }),
        (end, changes) => {
          const bytes = Buffer.from(whole)
          for (const [at, value] of changes) bytes[at] = value
          writeFileSync(path, end % 3 === 0 ? bytes.subarray(0, end) : bytes)
          try {
            expect(importStatistics(path, calibration).layers).toHaveLength(6)
          } catch (error) {
            expect(error).toBeInstanceOf(InputError)
          }
        },
      ),
    )
  })

  test('the embedded model comes with one', async () => {
    expect(findCalibration(tinyF16)).toBe(tinyCalibration)
    expect(await readCalibration(tinyCalibration)).toMatchObject({ model: { layers: 6 }, tokens: 4096 })
  })
})

/** Keys of float32 rotated back by their positions, and the paper's formula with one cosine at a time; see `tri-scores.test.ts`. */
function referenceScores(
  layers: readonly Float32Array[],
  positions: Int32Array,
  candidates: Int32Array,
  next: number,
  calibration: CalibrationFile,
): number[] {
  const [size, pairs, keyHeads, shared] = [64, 32, 2, 2]
  const distances = Array.from({ length: 17 }, (_, i) => 2 ** i)
  const sums = [...candidates].map(() => 0)
  for (const [l, layer] of layers.entries()) {
    for (let keyHead = 0; keyHead < keyHeads; keyHead++) {
      const ofHeads = Array.from({ length: shared }, (_, i) => {
        const head = keyHead * shared + i
        const { mean, length } = calibration.layers[l]!
        const raw = [...candidates].map((position) => {
          const start = positions.indexOf(position) * keyHeads * size + keyHead * size
          let sum = 0
          for (let f = 0; f < pairs; f++) {
            const w = 10_000 ** (-f / pairs)
            const [x, y] = [layer[start + f]!, layer[start + f + pairs]!]
            // The key before its rotation.
            const angle = Math.atan2(y, x) - position * w
            const [a, b] = [mean[head * size + f]!, mean[head * size + f + pairs]!]
            const [q, k] = [Math.hypot(a, b), Math.hypot(x, y)]
            const cosines = distances.map((d) => Math.cos(w * (next + d) + Math.atan2(b, a) - angle - w * position))
            sum += (q * k * cosines.reduce((one, two) => one + two)) / distances.length
            sum += (length[head * pairs + f]! - q) * k
          }
          return sum
        })
        const average = raw.reduce((a, b) => a + b) / raw.length
        const deviation = Math.sqrt(raw.reduce((a, b) => a + (b - average) ** 2, 0) / raw.length)
        return raw.map((value) => (value - average) / deviation)
      })
      for (const i of candidates.keys()) sums[i]! += Math.max(...ofHeads.map((scores) => scores[i]!))
    }
  }
  return sums.map((sum) => sum / (layers.length * keyHeads))
}

describe('scores on a cache of', () => {
  const { tokens: traced } = importanceOracle().traces[0]!
  const text = traced.slice(0, 160)

  test.each<[KvType, number]>([
    ['f32', 1e-4],
    ['f16', 0.02],
    // Keys of eight bits, whose rotation within each head is undone.
    ['q8_0', 0.1],
  ])('%s are those of the formula on keys of float32', async (kvType, tolerance) => {
    const calibration = await readCalibration(tinyCalibration)
    using model = LlamaModel.load(library, tinyF32)
    const filled = (type: KvType) => {
      const context = LlamaContext.create(model, { cellsPerSequence: 256, threads: 1, kvType: type })
      context.append(0, text, 0, 'none')
      context.remove(0, 70, 90)
      return context
    }
    using exact = filled('f32')
    using context = filled(kvType)
    const candidates = Int32Array.from({ length: 80 }, (_, i) => (i < 30 ? 40 + i : 60 + i))
    const { positions, layers } = exact.cached(0).keys
    const copies = Array.from(layers(), (layer) => layer.slice())
    const expected = referenceScores(copies, positions, candidates, text.length, calibration)
    const actual = triScores(context.cached(0).keys, candidates, text.length, calibration)
    expect(maxDifference(actual, expected)).toBeLessThan(tolerance)
    expect(Math.max(...expected) - Math.min(...expected)).toBeGreaterThan(1)
  })
})
