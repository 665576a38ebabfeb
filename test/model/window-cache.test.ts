/**
 * Layers with a sliding window have only the cells that their window needs. What is compared with has as many cells in them as in the
 * others: its passes are so long that llama.cpp's formula gives it all.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import koffi from 'koffi'
import { afterAll, describe, expect, test } from 'vitest'
import { bytesOfCells, bytesOfToken } from '../../src/cache/cell-bytes.ts'
import { LoadedModel } from '../../src/engine/loaded-model.ts'
import { loadLibrary, type LlamaContext } from '../../src/llama/index.ts'
import { logCallback } from '../../src/llama/structs.ts'
import { inspectGguf } from '../../src/models/gguf-file.ts'
import { memoryPlan } from '../../src/models/memory-plan.ts'
import { mulberry32 } from '../../src/mulberry32.ts'
import { families, vocabulary } from '../support/families.ts'
import { text, u32, writeRandomGguf } from '../support/gguf-writer.ts'
import { runRequests, type RunOptions } from '../support/run-requests.ts'

const folder = mkdtempSync(join(tmpdir(), 'dynts-windows-'))
afterAll(() => rmSync(folder, { recursive: true }))

const random = mulberry32(3)
const tokens = Array.from({ length: 10_000 }, () => Math.floor(random() * (vocabulary - 1)))
const cells = 1024
/** Of 256 cells with a window of 16. */
const small = { batchTokens: 16 }
/** Of as many cells as the other layers. */
const whole = { batchTokens: cells }
const windowed = ['Gemma 3, all layers windowed', 'Gemma 3', 'Gemma 2', 'gpt-oss'] as const
const budget = 600

function load(name: string, trainedContext = cells): LoadedModel {
  const plan = families[name]?.()
  if (!plan) throw new Error(`no family ${name}`)
  const path = join(folder, `${name}.gguf`)
  const architecture = `${Object.keys(plan.metadata).find((key) => key.endsWith('.block_count'))}`.split('.')[0]
  const metadata = { ...plan.metadata, [`${architecture}.context_length`]: u32(trainedContext) }
  writeFileSync(path, writeRandomGguf(metadata, plan.tensors))
  return LoadedModel.load(loadLibrary('off'), path, { threads: 1 })
}

const largest = (a: readonly number[], b: readonly number[]) =>
  a.reduce((most, value, i) => Math.max(most, Math.abs(value - (b[i] ?? NaN))), 0)

/** The oldest position that the layers with a window hold, as llama.cpp says. */
function oldestHeld({ pointer, model }: LlamaContext, sequenceId = 0): number {
  const { c } = model.library
  const memory = c.llama_get_memory(pointer)
  if (memory === null) throw new Error('no memory')
  return c.llama_memory_seq_pos_min(memory, sequenceId)
}

function run(model: LoadedModel, policy: string, localWindow: number, options: RunOptions) {
  const bound = policy === 'full' ? {} : { budget, localWindow, ratio: 0.4 }
  const request = { prompt: { tokens: tokens.slice(0, 300) }, replay: tokens.slice(300, cells - 24), policy, ...bound }
  const [only] = runRequests(model, [request], { cells, kvType: 'f32', ...options })
  if (!only) throw new Error('nothing was run')
  return only
}

describe.each(windowed)('%s', (name) => {
  // What each of them reads of the cache is the same in one family as in another.
  const attending = name === 'Gemma 3' ? (['h2o', 'snapkv', 'r-kv'] as const) : (['h2o'] as const)
  const readsCache = name === windowed[0] ? [] : ([...attending, 'keydiff'] as const)
  const cases = [
    ['full', 24],
    ['question-window', 24],
    ['question-window', 8],
    ...(['random', 'window', 'streaming-llm', ...readsCache] as const).map((policy) => [policy, 24] as const),
  ] as const

  test.each(cases)('%s with W_l %d: the log-probabilities of a cache that forgets nothing', (policy, localWindow) => {
    using model = load(name)
    const attention = ['h2o', 'snapkv', 'r-kv'].includes(policy)
    const all = run(model, policy, localWindow, { ...whole, compaction: 'off', attention })
    for (const compaction of ['off', 'on'] as const) {
      const less = run(model, policy, localWindow, { ...small, compaction, attention })
      expect(largest(less.result.logprobs ?? [], all.result.logprobs ?? [])).toBeLessThan(1e-3)
      expect(less.evictions.map(({ kept }) => kept)).toEqual(all.evictions.map(({ kept }) => kept))
      expect(less.evictions.length).toBe(policy === 'full' ? 0 : 3)
    }
  })

  test('the window layers hold fewer positions than the others, and all that the next token sees', () => {
    using model = load(name)
    using less = model.createContext({ cellsPerSequence: cells, ...small })
    using all = model.createContext({ cellsPerSequence: cells, ...whole })
    expect([less.windowCells, all.windowCells]).toEqual([256, cells])
    for (let length = 0; length < 700; length += 50) {
      for (const context of [less, all]) context.append(0, tokens.slice(length, length + 50), length, 'none')
      expect(oldestHeld(all)).toBe(0)
      expect(oldestHeld(less)).toBeLessThanOrEqual(Math.max(0, length + 50 - 15))
    }
    expect(oldestHeld(less)).toBeGreaterThanOrEqual(700 - 256)
  })

  test.runIf(name !== windowed[0])(
    'attention that is read is that of the full layers, in long passes and in steps',
    () => {
      using model = load(name)
      const [less, all] = [small, whole].map(({ batchTokens }) => {
        const options = { cellsPerSequence: cells, kvType: 'f32', attention: true, batchTokens } as const
        using context = model.createContext({ ...options, sequences: 2 })
        const rows: number[][] = []
        const note = (count: number) => {
          for (let row = 0; row < count; row++) {
            const { positions, weights } = context.attention(row)
            const byPosition = new Array<number>(720).fill(0)
            positions.forEach((position, i) => (byPosition[position] = weights[i] ?? NaN))
            rows.push(byPosition)
          }
        }
        for (const sequenceId of [0, 1]) {
          context.append(sequenceId, tokens.slice(sequenceId, 688), sequenceId, 'none')
          context.append(sequenceId, tokens.slice(688, 700), 688, 'last', 12)
          note(12)
          context.remove(sequenceId, 40, 90)
        }
        for (let position = 700; position < 720; position++) {
          const both = { tokens: [3, 4], positions: [position, position], sequenceIds: [0, 1] }
          context.decode(both, true, [true, true])
          note(2)
        }
        return rows
      })
      expect(less?.length).toBe(64)
      less?.forEach((row, i) => expect(largest(row, all?.[i] ?? [])).toBeLessThan(1e-4))
      const old = less?.map((row) => row.slice(0, 600).reduce((sum, weight) => sum + weight, 0)) ?? []
      expect(Math.min(...old)).toBeGreaterThan(0.2)
    },
  )

  test('several sequences, each with a text and evictions of its own', () => {
    using model = load(name)
    const requests = [0, 1, 2].map((i) => ({
      prompt: { tokens: tokens.slice(i, i + 40 + 100 * i) },
      replay: tokens.slice(1000 * i + 400, 1000 * i + 1000),
      policy: 'question-window',
      ...{ budget: 400 + 50 * i, localWindow: 24, ratio: 0.5 },
    }))
    const [less, all] = [small, whole].map((of) => runRequests(model, requests, { cells, kvType: 'f32', ...of }))
    for (const [i, { result, evictions }] of (less ?? []).entries()) {
      expect(evictions.length).toBeGreaterThan(0)
      expect(largest(result.logprobs ?? [], all?.[i]?.result.logprobs ?? [])).toBeLessThan(1e-3)
    }
  })
})

test('Llama 4, which attends within chunks of 8192: the same, with cells removed, across the end of a chunk', () => {
  using model = load('Llama 4', 16_384)
  expect(model.llama.window).toBe(8192)
  const long = 9472
  const logprobs = [256, 2048].map((batchTokens) => {
    using context = model.createContext({ cellsPerSequence: long, batchTokens, kvType: 'f16' })
    expect(context.windowCells).toBe(batchTokens === 256 ? 8448 : long)
    const values: number[] = []
    context.append(0, tokens.slice(0, 8100), 0, 'none')
    context.remove(0, 300, 700)
    context.append(0, tokens.slice(8100, 8180), 8100, 'none')
    for (let position = 8180; position < 8210; position++) {
      context.decode({ tokens: [tokens[position] ?? 0], positions: [position], sequenceIds: [0] }, false)
      values.push(context.logprob(0, tokens[position + 1] ?? 0))
    }
    return values
  })
  expect(largest(logprobs[0] ?? [], logprobs[1] ?? [])).toBeLessThan(1e-3)
})

describe('what the cache takes', () => {
  const silence = koffi.register(() => undefined, logCallback)
  /** As llama.cpp's log says it of the caches that it makes: cells and layers, and MiB to two digits. */
  function allocatedBy(model: LoadedModel, make: () => LlamaContext) {
    const lines: string[] = []
    const { c } = model.llama.library
    const callback = koffi.register((_: number, text: string) => void lines.push(text), logCallback)
    c.llama_log_set(callback, null)
    try {
      using context = make()
      expect(context.cellsPerSequence).toBeGreaterThan(0)
    } finally {
      c.llama_log_set(silence, null)
      koffi.unregister(callback)
    }
    return lines.flatMap((line) => {
      const [, mib, count, layers] = /size = +([\d.]+) MiB \( *(\d+) cells, +(\d+) layers/.exec(line) ?? []
      return mib === undefined ? [] : [{ mib: Number(mib), cells: Number(count), layers: Number(layers) }]
    })
  }

  test.each([
    ['Gemma 3, all layers windowed', [0, 2]],
    ['Gemma 3', [1, 5]],
    ['Gemma 2', [1, 1]],
    ['gpt-oss', [1, 1]],
    ['Llama 4', [1, 3]],
  ] as const)('%s: the plan, the engine and llama.cpp say the same', async (name, [full, window]) => {
    using model = load(name)
    const info = await inspectGguf(join(folder, `${name}.gguf`))
    for (const kvType of ['f16', 'f32'] as const) {
      const settings = { cellsPerSequence: 16_384, sequences: 2, kvType, textLength: 20_000 }
      const plan = memoryPlan(info, settings)
      const options = { ...settings, threads: 1 }
      const logged = allocatedBy(model, () => model.createContext(options))
      expect(logged.map(({ layers }) => layers)).toEqual([full, window])
      expect(logged.map((one) => one.cells)).toEqual([16_384, plan.windowCells])
      expect(plan.windowCells).toBe(name === 'Llama 4' ? 8704 : 768)
      expect(logged.reduce((sum, { mib }) => sum + mib, 0)).toBeCloseTo(plan.cacheBytes / 2 ** 20, 1)
      using context = model.createContext(options)
      const measured = model.cellBytes(context, NaN)
      expect(2 * bytesOfCells(measured, context.cellsPerSequence)).toBe(plan.cacheBytes)
      expect(plan).toMatchObject({ isUpperBound: false, bytesPerCell: bytesOfToken(measured) })
    }
  })
})

test('a window that is stated and not used: all layers have all cells, and prompts are cut anywhere', () => {
  // EXAONE 4 has windows only with 64 layers.
  const { metadata, tensors } = families['Gemma 3']?.() ?? { metadata: {}, tensors: [] }
  const renamed = Object.entries(metadata).map(([key, value]) => [key.replace(/^gemma3/, 'exaone4'), value] as const)
  const path = join(folder, 'unused.gguf')
  const others = tensors.filter((tensor) => !/\.(attn|ffn)_norm\./.test(tensor.name))
  writeFileSync(
    path,
    writeRandomGguf({ ...Object.fromEntries(renamed), 'general.architecture': text('exaone4') }, others),
  )
  using model = LoadedModel.load(loadLibrary('off'), path, { threads: 1 })
  expect(model.llama.window).toBe(16)
  using context = model.createContext({ cellsPerSequence: cells, ...small })
  expect(bytesOfCells(model.cellBytes(context, NaN), cells)).toBe(6 * 2 * 16 * 2 * cells)
  context.append(0, tokens.slice(0, 500), 0, 'none')
  expect(context.shortestPrefix(context.save(0))).toBe(0)
})

describe.each(windowed)('prompts of %s that begin as one that was read before', (name) => {
  const first = tokens.slice(0, 500)
  const settings = { replay: tokens.slice(600, 680), policy: 'full', promptReuse: 'prefix' } as const
  const go = (model: LoadedModel, ...prompts: readonly (readonly number[])[]) =>
    runRequests(
      model,
      prompts.map((of) => ({ prompt: { tokens: of }, ...settings })),
      { cells, kvType: 'f32', sequences: 1, ...small },
    ).at(-1)!.result
  /** @param kept of the first prompt's tokens */
  const next = (kept: number) => [...first.slice(0, kept), ...tokens.slice(2000, 2040)]

  test.each([
    ['that goes on is copied', 500, 499],
    ['that ends one token earlier is copied: the window is still there', 498, 498],
    ['whose window is gone is read anew', 497, 0],
    ['that leaves it long before is read anew', 100, 0],
  ])('one %s', (_, kept, copied) => {
    using model = load(name)
    const after = go(model, first, next(kept))
    const alone = go(model, next(kept))
    expect([after, alone].map(({ usage }) => usage.cachedPromptTokens)).toEqual([copied, 0])
    expect(largest(after.logprobs ?? [], alone.logprobs ?? [])).toBeLessThan(1e-3)
  })

  test('one that fits into the window is copied as far as it is the same', () => {
    using model = load(name)
    const short = tokens.slice(0, 17)
    const [after, alone] = [go(model, short, [...tokens.slice(0, 16), 5, 6]), go(model, [...tokens.slice(0, 16), 5, 6])]
    expect(after.usage.cachedPromptTokens).toBe(16)
    expect(largest(after.logprobs ?? [], alone.logprobs ?? [])).toBeLessThan(1e-3)
  })

  test('the oldest position of a restored copy is what the length that it can be shortened to is computed from', () => {
    using model = load(name)
    using context = model.createContext({ cellsPerSequence: cells, ...small })
    for (const length of [10, 16, 17, 40, 300, 700]) {
      context.clear(0)
      context.append(0, tokens.slice(0, length), 0, 'none')
      const state = context.save(0)
      context.restore(0, state)
      const shortest = context.shortestPrefix(state)
      // The token behind so many sees 15 of them.
      if (oldestHeld(context) === 0) expect(shortest).toBe(0)
      else expect(oldestHeld(context)).toBe(shortest - 15)
      expect(shortest).toBeLessThanOrEqual(length)
    }
  })
})
