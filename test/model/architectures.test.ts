import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { LoadedModel } from '../../src/engine/loaded-model.ts'
import type { GenerateRequest } from '../../src/engine/types.ts'
import { loadLibrary } from '../../src/llama/index.ts'
import { inspectGguf } from '../../src/models/gguf-file.ts'
import { ImportancePass } from '../../src/traces/importance-pass.ts'
import { f32, i32s, strings, text, u32, writeGguf, type TensorSpec, type Value } from '../support/gguf-writer.ts'
import { runRequests, type Run } from '../support/run-requests.ts'

const folder = mkdtempSync(join(tmpdir(), 'dynts-architectures-'))
afterAll(() => rmSync(folder, { recursive: true }))

const vocabulary = 32
const layers = [0, 1]

/** A model of two layers, hidden size 32, with weights that are all zero: every token is as likely as any other. */
function write(architecture: string, values: Record<string, Value>, tensors: readonly TensorSpec[]): string {
  const path = join(folder, `${architecture}.gguf`)
  const metadata: Record<string, Value> = {
    'general.architecture': text(architecture),
    'general.name': text(architecture),
    [`${architecture}.block_count`]: u32(layers.length),
    [`${architecture}.context_length`]: u32(1024),
    [`${architecture}.embedding_length`]: u32(32),
    [`${architecture}.attention.layer_norm_rms_epsilon`]: f32(1e-6),
    'tokenizer.ggml.model': text('gpt2'),
    'tokenizer.ggml.pre': text('qwen2'),
    'tokenizer.ggml.tokens': strings(Array.from({ length: vocabulary }, (_, i) => `token${i}`)),
    'tokenizer.ggml.token_type': i32s(new Array<number>(vocabulary).fill(1)),
    'tokenizer.ggml.merges': strings(['t o']),
    'tokenizer.ggml.eos_token_id': u32(vocabulary - 1),
  }
  for (const [key, value] of Object.entries(values)) metadata[`${architecture}.${key}`] = value
  const all = [
    { name: 'token_embd.weight', shape: [32, vocabulary] },
    { name: 'output_norm.weight', shape: [32] },
    ...tensors,
  ]
  writeFileSync(path, writeGguf(metadata, all))
  return path
}

const attention = {
  feed_forward_length: u32(64),
  'attention.head_count': u32(4),
  'attention.head_count_kv': u32(2),
}
const attentionLayers = layers.flatMap((layer) => [
  { name: `blk.${layer}.attn_norm.weight`, shape: [32] },
  { name: `blk.${layer}.attn_q.weight`, shape: [32, 32] },
  { name: `blk.${layer}.attn_k.weight`, shape: [32, 16] },
  { name: `blk.${layer}.attn_v.weight`, shape: [32, 16] },
  { name: `blk.${layer}.attn_output.weight`, shape: [32, 32] },
  { name: `blk.${layer}.ffn_norm.weight`, shape: [32] },
  { name: `blk.${layer}.ffn_gate.weight`, shape: [32, 64] },
  { name: `blk.${layer}.ffn_up.weight`, shape: [32, 64] },
  { name: `blk.${layer}.ffn_down.weight`, shape: [64, 32] },
])
const more = (names: readonly string[], size: number) =>
  layers.flatMap((layer) => names.map((name) => ({ name: `blk.${layer}.${name}.weight`, shape: [size] })))

const full = {
  llama: () => write('llama', { ...attention, 'rope.dimension_count': u32(8) }, attentionLayers),
  qwen3: () => write('qwen3', attention, [...attentionLayers, ...more(['attn_q_norm', 'attn_k_norm'], 8)]),
}
const notEvictable = {
  mamba: () =>
    write(
      'mamba',
      { 'ssm.conv_kernel': u32(4), 'ssm.inner_size': u32(64), 'ssm.state_size': u32(16), 'ssm.time_step_rank': u32(2) },
      layers.flatMap((layer) => [
        { name: `blk.${layer}.attn_norm.weight`, shape: [32] },
        { name: `blk.${layer}.ssm_in.weight`, shape: [32, 128] },
        { name: `blk.${layer}.ssm_conv1d.weight`, shape: [4, 64] },
        { name: `blk.${layer}.ssm_conv1d.bias`, shape: [64] },
        { name: `blk.${layer}.ssm_x.weight`, shape: [64, 34] },
        { name: `blk.${layer}.ssm_dt.weight`, shape: [2, 64] },
        { name: `blk.${layer}.ssm_dt.bias`, shape: [64] },
        { name: `blk.${layer}.ssm_a`, shape: [16, 64] },
        { name: `blk.${layer}.ssm_d`, shape: [64] },
        { name: `blk.${layer}.ssm_out.weight`, shape: [64, 32] },
      ]),
    ),
}

const request = { prompt: { tokens: [1, 2, 3, 4] }, maxTokens: 60, sampling: { temperature: 0 } }
const bound = { budget: 20, localWindow: 4, ratio: 0.5 }

function runRequest(model: LoadedModel, request: GenerateRequest): Run {
  return runRequests(model, [request])[0]!
}

async function load(path: string): Promise<LoadedModel> {
  await inspectGguf(path)
  return LoadedModel.load(loadLibrary('off'), path, { threads: 1 })
}

describe.each(Object.entries(full))('%s, a full-attention architecture', (_name, make) => {
  test.each(['window', 'question-window', 'streaming-llm', 'random', 'full'])('runs under %s', async (policy) => {
    using model = await load(make())
    const { result, evictions } = runRequest(model, { ...request, policy, ...(policy === 'full' ? {} : bound) })
    expect(result.finishReason).toBe('length')
    expect(evictions.length > 0).toBe(policy !== 'full')
    expect(result.cache.peakCells).toBe(policy === 'full' ? 63 : 20)
  })
})

describe('the importance of a trace', () => {
  const tokens = Array.from({ length: 60 }, (_, i) => i % 30)
  const trace = { tokens, promptTokens: 4, thinkStart: 5, thinkEnd: 50, answerStart: 51 }

  test.each(Object.entries(full))('%s: attention without weights is even', async (_name, make) => {
    using model = await load(make())
    using pass = ImportancePass.create(model, { cells: 60, kvType: 'f32', threads: 1 })
    const steps = pass.run(trace, new Int32Array(0))
    let step = steps.next()
    while (!step.done) step = steps.next()
    const { importance, promptImportance } = step.value
    const rows = tokens.map((_, position) => 1 / (position + 1)).slice(51)
    const mean = rows.reduce((sum, weight) => sum + weight, 0) / rows.length
    expect([importance.length, promptImportance.length]).toEqual([45, 4])
    for (const value of [...importance, ...promptImportance]) expect(value).toBeCloseTo(mean, 6)
  })

  test.each(Object.entries(notEvictable))('%s: refused with a sentence that says why', async (_name, make) => {
    using model = await load(make())
    expect(() => ImportancePass.create(model, { cells: 60 })).toThrow(/cannot be read: it is recurrent/)
  })
})

describe.each(Object.entries(notEvictable))('%s, whose cells cannot be removed one by one', (_name, make) => {
  test('is refused under a bounded policy with a sentence that says why', async () => {
    using model = await load(make())
    expect(() => runRequest(model, { ...request, policy: 'question-window', ...bound })).toThrow(/recurrent/)
    expect(() => runRequest(model, { ...request, policy: 'window', ...bound })).toThrow(/Use `policy: full`/)
  })

  test('runs with the full cache, which is then the default', async () => {
    using model = await load(make())
    const { result } = runRequest(model, request)
    expect(result.cache.policy).toBe('full')
    expect(result.usage.answerTokens).toBe(60)
  })

  test.each(['exact', 'prefix'] as const)(
    'a prompt that comes again is read again, not copied (%s)',
    async (promptReuse) => {
      using model = await load(make())
      const asked = { ...request, prompt: { tokens: Array.from({ length: 40 }, (_, i) => 1 + (i % 7)) }, promptReuse }
      const [first, second] = runRequests(model, [asked, asked], { sequences: 1 })
      expect(second?.result.usage.cachedPromptTokens).toBe(0)
      expect(second?.result.tokens).toEqual(first?.result.tokens)
    },
  )
})
