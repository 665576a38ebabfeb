import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { LoadedModel } from '../../src/engine/loaded-model.ts'
import type { GenerateRequest } from '../../src/engine/types.ts'
import { loadLibrary } from '../../src/llama/index.ts'
import { inspectGguf } from '../../src/models/gguf-file.ts'
import { ImportancePass } from '../../src/traces/importance-pass.ts'
import { others, type ModelPlan } from '../support/families.ts'
import {
  f32,
  i32s,
  strings,
  text,
  u32,
  writeGguf,
  writeRandomGguf,
  type TensorSpec,
  type Value,
} from '../support/gguf-writer.ts'
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
  rwkv7: () => {
    const rank = 8
    const of = (name: string, ...shape: number[]) => layers.map((layer) => ({ name: `blk.${layer}.${name}`, shape }))
    return write(
      'rwkv7',
      {
        feed_forward_length: u32(64),
        'attention.layer_norm_epsilon': f32(1e-5),
        'attention.head_count': u32(0),
        'wkv.head_size': u32(8),
        'attention.decay_lora_rank': u32(rank),
        'attention.iclr_lora_rank': u32(rank),
        'attention.value_residual_mix_lora_rank': u32(rank),
        'attention.gate_lora_rank': u32(rank),
      },
      [
        ...[
          { name: 'output_norm.bias', shape: [32] },
          { name: 'output.weight', shape: [32, vocabulary] },
        ],
        ...['weight', 'bias'].map((part) => ({ name: `token_embd_norm.${part}`, shape: [32] })),
        ...['attn_norm', 'attn_norm_2', 'time_mix_ln'].flatMap((name) => [
          ...of(`${name}.weight`, 32),
          ...of(`${name}.bias`, 32),
        ]),
        ...['w0', 'a0', 'v0', 'k_k', 'k_a', 'r_k'].flatMap((name) => of(`time_mix_${name}.weight`, 32)),
        ...['w', 'a', 'v', 'g'].flatMap((name) => [
          ...of(`time_mix_${name}1.weight`, 32, rank),
          ...of(`time_mix_${name}2.weight`, rank, 32),
        ]),
        ...of('time_mix_lerp_fused.weight', 32, 1, 1, 6),
        ...['key', 'value', 'receptance', 'output'].flatMap((name) => of(`time_mix_${name}.weight`, 32, 32)),
        ...of('channel_mix_lerp_k.weight', 32, 1, 1),
        ...of('channel_mix_key.weight', 32, 64),
        ...of('channel_mix_value.weight', 64, 32),
      ],
    )
  },
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

const tokens = Array.from({ length: 60 }, (_, i) => (i * 7) % 30)
const request = { prompt: { tokens: [1, 2, 3, 4] }, maxTokens: 60, sampling: { temperature: 0 } }
const bound = { budget: 20, localWindow: 4, ratio: 0.5 }

function writePlan({ metadata, tensors }: ModelPlan): string {
  const path = join(folder, 'plan.gguf')
  writeFileSync(path, writeRandomGguf(metadata, tensors))
  return path
}

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

test('Phi-3: the window that its file states is not used, and the cache is bounded', async () => {
  using model = await load(writePlan(others['Phi-3']()))
  expect(model.llama.hasWindow).toBe(false)
  // The prompt has left the window by then.
  const long = { ...request, prompt: { tokens: tokens.slice(0, 4) }, replay: tokens.slice(4) }
  const { result, evictions } = runRequest(model, { ...long, policy: 'question-window', ...bound })
  expect(evictions.length).toBeGreaterThan(3)
  expect(result.cache.peakCells).toBe(bound.budget)
})

describe('MiniMax-M3, with an indexer', () => {
  test('is refused under a bounded policy, and importance is', async () => {
    using model = await load(writePlan(others['MiniMax-M3']()))
    expect(() => runRequest(model, { ...request, policy: 'window', ...bound })).toThrow(/it uses sparse attention/)
    expect(() => ImportancePass.create(model, { cells: 60 })).toThrow(/cannot be read: it uses sparse attention/)
  })

  test('runs with the full cache, which is then the default', async () => {
    using model = await load(writePlan(others['MiniMax-M3']()))
    const { result } = runRequest(model, request)
    expect(result.cache.policy).toBe('full')
    expect(result.tokens.length).toBeGreaterThan(10)
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
