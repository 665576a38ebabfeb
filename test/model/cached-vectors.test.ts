/** Cached keys and values as llama.cpp stores them: by rows or by channels, in each cache type, rotated or not. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test, vi } from 'vitest'
import { LlamaContext, LlamaModel, loadLibrary, type ContextOptions } from '../../src/llama/index.ts'
import { maxDifference, tinyF32 } from '../oracle.ts'
import { others, withHeads } from '../support/families.ts'
import { writeRandomGguf } from '../support/gguf-writer.ts'
import { readKeys } from '../support/read-keys.ts'

const folder = mkdtempSync(join(tmpdir(), 'dynts-cached-'))
afterAll(() => {
  rmSync(folder, { recursive: true })
  vi.unstubAllEnvs()
})

/** A Qwen3 of 4 heads and 2 key heads of this size. */
function modelOf(size: number): LlamaModel {
  const { metadata, tensors } = withHeads(others.Qwen3(), size)
  const path = join(folder, `${size}.gguf`)
  writeFileSync(path, writeRandomGguf(metadata, tensors))
  return LlamaModel.load(loadLibrary('off'), path)
}

const text = Array.from({ length: 60 }, (_, i) => (i * 7) % 23)
// The same token in many places.
const repeated = text.map((token, i) => (i % 4 === 0 ? 5 : token))

/** Copies of all layers, after cells have left from the middle. */
function read(model: LlamaModel, options: Partial<ContextOptions>, rows?: Int32Array) {
  using context = LlamaContext.create(model, { cellsPerSequence: 256, threads: 1, kvType: 'f32', ...options })
  context.append(0, repeated, 0, 'none')
  context.remove(0, 20, 30)
  const { keys, values } = context.cached(0)
  const copies = (layers: Iterable<Float32Array>) => Array.from(layers, (layer) => layer.slice())
  const of = (vectors: typeof keys | ReturnType<typeof values>) => ({
    positions: vectors.positions,
    headSize: vectors.headSize,
    layers: copies(vectors.layers(rows)),
    channels: copies(vectors.channels(rows)),
  })
  return { keys: of(keys), values: of(values()) }
}
const largest = (layers: readonly Float32Array[]) =>
  Math.max(...layers.map((layer) => Math.max(...layer.map(Math.abs))))
const furthest = (a: readonly Float32Array[], b: readonly Float32Array[]) =>
  Math.max(...a.map((layer, i) => maxDifference(layer, b[i]!)))

describe.each([
  ['the embedded model', () => LlamaModel.load(loadLibrary('off'), tinyF32), 64],
  ['heads of 128', () => modelOf(128), 128],
  ['heads of 192', () => modelOf(192), 192],
  ['heads of 32, which are never rotated', () => modelOf(32), 32],
])('%s', (_name, load, size) => {
  const model = load()
  afterAll(() => model.dispose())
  const heads = 2
  const exact = read(model, { flashAttention: false })

  test('values are the same by rows and by channels', () => {
    const byRows = read(model, { flashAttention: true })
    expect([exact.keys.headSize, exact.values.headSize]).toEqual([size, size])
    expect(exact.values.positions).toEqual(exact.keys.positions)
    for (const [i, layer] of exact.values.layers.entries()) {
      expect(layer).toHaveLength(50 * heads * size)
      expect(maxDifference(layer, byRows.values.layers[i]!)).toBeLessThan(3e-3 * largest([layer]))
    }
    expect(exact.values.channels).toEqual(exact.values.layers)
    expect(exact.keys.channels).toEqual(exact.keys.layers)
  })

  test('in the first layer a value is that of its token, wherever it stands, and a key is not', () => {
    const rowsOf5 = [...exact.values.positions.keys()].filter((i) => repeated[exact.values.positions[i]!] === 5)
    expect(rowsOf5.length).toBeGreaterThan(10)
    const row = (layer: Float32Array, i: number) => layer.slice(i * heads * size, (i + 1) * heads * size)
    const [values, keys] = [exact.values.layers[0]!, exact.keys.layers[0]!]
    const first = row(values, rowsOf5[0]!)
    for (const i of exact.values.positions.keys()) {
      const difference = maxDifference(row(values, i), first)
      if (rowsOf5.includes(i)) expect(difference).toBeLessThan(1e-5 * largest([first]))
      else expect(difference).toBeGreaterThan(0.01 * largest([first]))
    }
    expect(maxDifference(row(keys, rowsOf5[0]!), row(keys, rowsOf5[5]!))).toBeGreaterThan(0.01)
  })

  test.each([
    ['f16', false, 2e-3],
    ['f16', true, 2e-3],
    ['q8_0', true, 0.02],
  ] as const)('%s, flash attention %s: near those of f32, channel by channel', (kvType, flashAttention, tolerance) => {
    const cached = read(model, { kvType, flashAttention })
    for (const kind of ['keys', 'values'] as const) {
      // Beyond the first layer errors add up.
      const most = largest(exact[kind].layers.slice(0, 1))
      const difference = furthest(cached[kind].channels.slice(0, 1), exact[kind].layers)
      expect(difference, kind).toBeLessThan(tolerance * most)
      expect(difference, kind).toBeGreaterThan(0)
      // As they are stored: rotated if the cache is quantised and the heads allow it.
      const stored = furthest(cached[kind].layers.slice(0, 1), exact[kind].layers)
      if (kvType === 'q8_0' && size >= 64) expect(stored, kind).toBeGreaterThan(0.2 * most)
      else expect(stored, kind).toBe(difference)
      expect(furthest(cached[kind].channels, exact[kind].layers)).toBeLessThan(0.1 * largest(exact[kind].layers))
    }
  })

  test.each([
    ['f32', false],
    ['f16', false],
    ['f16', true],
    ['q8_0', true],
  ] as const)(
    '%s, flash attention %s: some rows, in an order of their own, are those of all',
    (kvType, flashAttention) => {
      const rows = Int32Array.of(3, 4, 5, 49, 0, 31, 30, 5)
      const all = read(model, { kvType, flashAttention })
      const some = read(model, { kvType, flashAttention }, rows)
      for (const kind of ['keys', 'values'] as const) {
        for (const way of ['layers', 'channels'] as const) {
          const expected = all[kind][way].map((layer) =>
            Float32Array.from(
              [...rows].flatMap((row) => [...layer.slice(row * heads * size, (row + 1) * heads * size)]),
            ),
          )
          expect(some[kind][way], `${kind}, ${way}`).toEqual(expected)
        }
      }
      for (const wrong of [-1, 50])
        expect(() => read(model, { kvType, flashAttention }, Int32Array.of(wrong))).toThrow(RangeError)
    },
  )

  test('llama.cpp can be told not to rotate', () => {
    vi.stubEnv('LLAMA_ATTN_ROT_DISABLE', '1')
    const { keys, values } = read(model, { kvType: 'q8_0' })
    vi.unstubAllEnvs()
    expect(keys.channels).toEqual(keys.layers)
    const first = exact.values.layers.slice(0, 1)
    expect(furthest(values.channels.slice(0, 1), first)).toBeLessThan(0.02 * largest(first))
  })
})

test('one copy of a sequence is read as long as its cells are the same, and no longer', () => {
  using model = LlamaModel.load(loadLibrary('off'), tinyF32)
  using context = LlamaContext.create(model, { cellsPerSequence: 256, threads: 1, kvType: 'f32', sequences: 2 })
  const saving = vi.spyOn(model.library.c, 'llama_state_seq_get_data_ext')
  const keysOf = (sequenceId: number) => {
    const { positions, layers } = context.cached(sequenceId).keys
    return { positions, layers: Array.from(layers(), bytesOf) }
  }
  // Arrays of numbers are compared one by one, which takes long.
  const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array) =>
    Buffer.from(buffer, byteOffset, byteLength).toString('base64')
  const changes: (() => void)[] = [
    () => context.append(0, text, 0, 'none'),
    () => context.append(1, text.slice(5, 40), 0, 'none'),
    () => context.remove(0, 10, 13),
    () => context.decode({ tokens: [3, 4], positions: [60, 35], sequenceIds: [0, 1] }, false),
    () => context.compact(0),
    () => context.restore(1, context.save(0)),
    () =>
      context.compact(
        0,
        Array.from({ length: 20 }, (_, i) => [14 + 2 * i, 15 + 2 * i] as const),
      ),
    () => context.clear(1),
    () => context.append(1, text.slice(0, 3), 0, 'none'),
  ]
  for (const change of changes) {
    change()
    for (const sequenceId of [0, 1]) {
      const held = context.layouts[sequenceId]!.positions.filter((position) => position >= 0)
      if (held.length === 0) continue
      saving.mockClear()
      const [once, again] = [keysOf(sequenceId), keysOf(sequenceId)]
      expect(saving.mock.calls.length).toBeLessThanOrEqual(1)
      expect(again).toEqual(once)
      const { positions, layers } = readKeys(context, sequenceId)
      expect(once.positions).toEqual(held)
      expect(once).toEqual({ positions, layers: layers.map(bytesOf) })
    }
  }
  saving.mockRestore()
})
