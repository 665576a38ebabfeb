/**
 * Models with sliding windows and hybrids, with random weights, under bounded caches.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { LoadedModel } from '../../src/engine/loaded-model.ts'
import { findPolicy, policyNames } from '../../src/eviction/registry.ts'
import { loadLibrary } from '../../src/llama/index.ts'
import { inspectGguf } from '../../src/models/gguf-file.ts'
import { mulberry32 } from '../../src/mulberry32.ts'
import { ImportancePass, type TracePhases } from '../../src/traces/importance-pass.ts'
import {
  f32,
  i32s,
  strings,
  text,
  u32,
  u32s,
  writeRandomGguf,
  type TensorSpec,
  type Value,
} from '../support/gguf-writer.ts'
import { runRequests, type RunOptions } from '../support/run-requests.ts'

const folder = mkdtempSync(join(tmpdir(), 'dynts-families-'))
afterAll(() => rmSync(folder, { recursive: true }))

const vocabulary = 64
const width = 32

function write(
  name: string,
  architecture: string,
  layers: number,
  values: Record<string, Value>,
  tensors: TensorSpec[],
) {
  const path = join(folder, `${name}.gguf`)
  const metadata: Record<string, Value> = {
    'general.architecture': text(architecture),
    'tokenizer.ggml.model': text('gpt2'),
    'tokenizer.ggml.pre': text('qwen2'),
    'tokenizer.ggml.tokens': strings(Array.from({ length: vocabulary }, (_, i) => `token${i}`)),
    'tokenizer.ggml.token_type': i32s(new Array<number>(vocabulary).fill(1)),
    'tokenizer.ggml.merges': strings(['t o']),
    'tokenizer.ggml.eos_token_id': u32(vocabulary - 1),
  }
  const own: Record<string, Value> = {
    block_count: u32(layers),
    context_length: u32(1024),
    embedding_length: u32(width),
    feed_forward_length: u32(64),
    'attention.head_count': u32(4),
    'attention.head_count_kv': u32(2),
    'attention.layer_norm_rms_epsilon': f32(1e-6),
    ...values,
  }
  for (const [key, value] of Object.entries(own)) metadata[`${architecture}.${key}`] = value
  writeFileSync(
    path,
    writeRandomGguf(metadata, [{ name: 'token_embd.weight', shape: [width, vocabulary] }, ...tensors]),
  )
  return path
}

const vector = (name: string, size = width): TensorSpec => ({ name: `${name}.weight`, shape: [size] })
const matrix = (name: string, columns: number, rows: number): TensorSpec => ({
  name: `${name}.weight`,
  shape: [columns, rows],
})
const attention = (p: string) => [
  matrix(`${p}attn_q`, width, 32),
  matrix(`${p}attn_k`, width, 16),
  matrix(`${p}attn_v`, width, 16),
  matrix(`${p}attn_output`, 32, width),
]
const feedForward = (p: string) => [
  matrix(`${p}ffn_gate`, width, 64),
  matrix(`${p}ffn_up`, width, 64),
  matrix(`${p}ffn_down`, 64, width),
]
const norms = (p: string, names: readonly string[], size = width) => names.map((name) => vector(`${p}${name}`, size))
const gemmaNorms = ['attn_norm', 'post_attention_norm', 'ffn_norm', 'post_ffw_norm']
const eachLayer = (layers: number, of: (prefix: string, layer: number) => TensorSpec[]) =>
  Array.from({ length: layers }, (_, layer) => of(`blk.${layer}.`, layer)).flat()

const gemma3 = (name: string, layers: number, window: number) =>
  write(name, 'gemma3', layers, { 'attention.sliding_window': u32(window) }, [
    vector('output_norm'),
    ...eachLayer(layers, (p) => [
      ...attention(p),
      ...feedForward(p),
      ...norms(p, gemmaNorms),
      ...norms(p, ['attn_q_norm', 'attn_k_norm'], 8),
    ]),
  ])

const families = {
  // The first five of six layers have windows.
  'Gemma 3, all layers windowed': () => gemma3('gemma3-windows', 2, 16),
  'Gemma 3': () => gemma3('gemma3', 6, 16),
  'Gemma 2': () =>
    write('gemma2', 'gemma2', 2, { 'attention.sliding_window': u32(16) }, [
      vector('output_norm'),
      ...eachLayer(2, (p) => [...attention(p), ...feedForward(p), ...norms(p, gemmaNorms)]),
    ]),
  'LFM2, a hybrid': () =>
    write(
      'lfm2',
      'lfm2',
      2,
      { 'attention.head_count_kv': u32s([0, 2]), 'shortconv.l_cache': u32(3), vocab_size: u32(vocabulary) },
      [
        vector('token_embd_norm'),
        ...eachLayer(2, (p, layer) => [
          ...norms(p, ['attn_norm', 'ffn_norm']),
          ...feedForward(p),
          ...(layer === 1
            ? [...attention(p), ...norms(p, ['attn_q_norm', 'attn_k_norm'], 8)]
            : [
                matrix(`${p}shortconv.conv`, 3, width),
                matrix(`${p}shortconv.in_proj`, width, 3 * width),
                matrix(`${p}shortconv.out_proj`, width, width),
              ]),
        ]),
      ],
    ),
}

// Not periodic: equal keys would be ties.
const random = mulberry32(2)
const tokens = Array.from({ length: 300 }, () => Math.floor(random() * (vocabulary - 1)))
const prompt = { tokens: tokens.slice(0, 20) }
const replay = tokens.slice(20)
const bound = { budget: 64, localWindow: 24, ratio: 0.4 }

async function load(path: string): Promise<LoadedModel> {
  await inspectGguf(path)
  return LoadedModel.load(loadLibrary('off'), path, { threads: 1 })
}
function run(model: LoadedModel, policy: string, settings: Partial<typeof bound>, options: RunOptions = {}) {
  const [only] = runRequests(model, [{ prompt, replay, policy, ...settings }], { cells: 512, ...options })
  if (!only) throw new Error('nothing was run')
  return { logprobs: only.result.logprobs ?? [], cache: only.result.cache }
}
/** @param rows tokens of a pass */
function importanceOf(model: LoadedModel, trace: TracePhases, rows: number): number[] {
  const chunkBytes = rows * 256 * model.llama.heads * 4
  using pass = ImportancePass.create(model, { cells: 256, kvType: 'f32', threads: 1, chunkBytes })
  const steps = pass.run(trace, new Int32Array(0))
  let step = steps.next()
  while (!step.done) step = steps.next()
  return [...step.value.promptImportance, ...step.value.importance]
}
const largest = (a: readonly number[], b: readonly number[]) =>
  a.reduce((most, value, i) => Math.max(most, Math.abs(value - (b[i] ?? NaN))), 0)

// Policies with a predictor need one that was trained for the model.
const policies = policyNames().filter((name) => {
  const { needs, evicts } = findPolicy(name)
  return evicts && !needs.has('hidden-state')
})
const readsCache = (name: string) => ['attention', 'keys'].some((need) => findPolicy(name).needs.has(need as 'keys'))
const allWindowed = 'Gemma 3, all layers windowed'

test.each(['off', 'on'] as const)(
  'where all layers have a window that the local window holds, evictions change nothing (compaction %s)',
  async (compaction) => {
    using model = await load(families[allWindowed]())
    const full = run(model, 'full', {})
    const bounded = run(model, 'question-window', bound, { compaction })
    expect(bounded.cache.evictions).toBeGreaterThan(15)
    expect(largest(full.logprobs, bounded.logprobs)).toBeLessThan(1e-3)
  },
)

describe.each(Object.entries(families))('%s', (name, make) => {
  test.each(policies.filter((policy) => name !== allWindowed || !readsCache(policy)))(
    '%s stays within its budget, and compaction changes no more than rounding',
    async (policy) => {
      using model = await load(make())
      const options = { kvType: 'f32', attention: findPolicy(policy).needs.has('attention') } as const
      const scattered = run(model, policy, bound, { ...options, compaction: 'off' })
      const compacted = run(model, policy, bound, { ...options, compaction: 'on' })
      expect(run(model, policy, bound, options).logprobs).toEqual(scattered.logprobs)
      expect(scattered.cache.evictions).toBeGreaterThan(5)
      expect(compacted.cache.compactions).toBe(scattered.cache.evictions)
      expect(scattered.cache.peakCells).toBe(bound.budget)
      expect(largest(scattered.logprobs, compacted.logprobs)).toBeLessThan(1e-3)
    },
  )

  test('a budget that is never reached is the full cache', async () => {
    using model = await load(make())
    const full = run(model, 'full', {})
    expect(run(model, 'question-window', { ...bound, budget: 400 }).logprobs).toEqual(full.logprobs)
  })

  test('a prompt that comes again gives the same, to the bit; it is copied where no layer has a window', async () => {
    using model = await load(make())
    const request = { prompt, replay: replay.slice(0, 80), policy: 'question-window', ...bound }
    const [first, second] = runRequests(model, [request, request], { cells: 512, sequences: 1 })
    expect(second?.result.usage.cachedPromptTokens).toBe(model.llama.hasWindow ? 0 : 19)
    expect(second?.result.logprobs).toEqual(first?.result.logprobs)
  })

  test.runIf(name === allWindowed)('policies that look at the cache are refused, and so is importance', async () => {
    using model = await load(make())
    for (const policy of ['h2o', 'knorm']) {
      expect(() => run(model, policy, bound)).toThrow(/cannot be read of this model: all its layers/)
    }
    expect(() => ImportancePass.create(model, { cells: 60 })).toThrow(/all its layers have a sliding window/)
  })

  test.runIf(name !== allWindowed)(
    'attention of a sequence with holes: all of it falls on positions that are held',
    async () => {
      using model = await load(make())
      using context = model.createContext({ cellsPerSequence: 256, sequences: 2, kvType: 'f32', attention: true })
      for (const sequenceId of [0, 1]) {
        context.append(sequenceId, tokens.slice(0, 100), 0, 'none')
        context.remove(sequenceId, 3 + sequenceId, 40)
      }
      for (let position = 100; position < 140; position++) {
        const both = { tokens: [1, 2], positions: [position, position], sequenceIds: [0, 1] }
        context.decode(both, position % 2 === 0, [true, true])
        for (const row of [0, 1]) {
          const { positions, weights } = context.attention(row)
          expect(positions.length).toBe(position - 36 + row)
          expect(positions.every((held) => held < 3 + row || held >= 40)).toBe(true)
          expect(weights.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 4)
          // Window layers, which are not read, give nothing to what is older than their window.
          const old = weights.reduce((sum, weight, i) => sum + ((positions[i] ?? 0) <= position - 16 ? weight : 0), 0)
          expect(old).toBeGreaterThan(0.5)
        }
      }
    },
  )

  test.runIf(name !== allWindowed)('importance does not depend on how many tokens a pass has', async () => {
    using model = await load(make())
    const trace = { tokens: tokens.slice(0, 200), promptTokens: 20, thinkStart: 21, thinkEnd: 150, answerStart: 151 }
    const [whole, byOne] = [256, 1].map((rows) => importanceOf(model, trace, rows))
    expect(whole?.every((value) => value > 0)).toBe(true)
    expect(largest(whole ?? [], byOne ?? [])).toBeLessThan(1e-5)
  })
})
