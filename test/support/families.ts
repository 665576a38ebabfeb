/** Small models of several architectures, described as their files say it; weights are for `writeRandomGguf`. */
import { f32, i32s, strings, text, u32, u32s, type TensorSpec, type Value } from './gguf-writer.ts'

export interface ModelPlan {
  readonly metadata: Readonly<Record<string, Value>>
  readonly tensors: readonly TensorSpec[]
}

export const vocabulary = 64
const width = 32

function plan(architecture: string, layers: number, values: Record<string, Value>, tensors: TensorSpec[]): ModelPlan {
  const metadata: Record<string, Value> = {
    'general.architecture': text(architecture),
    'tokenizer.ggml.model': text('gpt2'),
    'tokenizer.ggml.pre': text('qwen2'),
    'tokenizer.ggml.tokens': strings(Array.from({ length: vocabulary }, (_, i) => String.fromCharCode(64 + i))),
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
  return { metadata, tensors: [{ name: 'token_embd.weight', shape: [width, vocabulary] }, ...tensors] }
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

const gemma3 = (layers: number, window: number) =>
  plan('gemma3', layers, { 'attention.sliding_window': u32(window) }, [
    vector('output_norm'),
    ...eachLayer(layers, (p) => [
      ...attention(p),
      ...feedForward(p),
      ...norms(p, gemmaNorms),
      ...norms(p, ['attn_q_norm', 'attn_k_norm'], 8),
    ]),
  ])

/** Whose layers do not all have a cache of the usual kind. */
export const families: Readonly<Record<string, () => ModelPlan>> = {
  // The first five of six layers have windows.
  'Gemma 3, all layers windowed': () => gemma3(2, 16),
  'Gemma 3': () => gemma3(6, 16),
  'Gemma 2': () =>
    plan('gemma2', 2, { 'attention.sliding_window': u32(16) }, [
      vector('output_norm'),
      ...eachLayer(2, (p) => [...attention(p), ...feedForward(p), ...norms(p, gemmaNorms)]),
    ]),
  'LFM2, a hybrid': () =>
    plan(
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
  'gpt-oss': () => {
    const own = {
      'attention.sliding_window': u32(16),
      'attention.key_length': u32(8),
      'attention.value_length': u32(8),
      'rope.dimension_count': u32(8),
      expert_count: u32(4),
      expert_used_count: u32(2),
      expert_feed_forward_length: u32(32),
    }
    const bias = (name: string, ...shape: number[]): TensorSpec => ({ name: `${name}.bias`, shape })
    const experts = (name: string, ...shape: number[]): TensorSpec => ({ name: `${name}.weight`, shape })
    return plan('gpt-oss', 2, own, [
      vector('output_norm'),
      matrix('output', width, vocabulary),
      ...eachLayer(2, (p) => [
        ...norms(p, ['attn_norm', 'post_attention_norm']),
        ...attention(p),
        ...[bias(`${p}attn_q`, 32), bias(`${p}attn_k`, 16), bias(`${p}attn_v`, 16), bias(`${p}attn_output`, width)],
        vector(`${p}attn_sinks`, 4),
        ...[matrix(`${p}ffn_gate_inp`, width, 4), bias(`${p}ffn_gate_inp`, 4)],
        ...[experts(`${p}ffn_gate_exps`, width, 32, 4), bias(`${p}ffn_gate_exps`, 32, 4)],
        ...[experts(`${p}ffn_up_exps`, width, 32, 4), bias(`${p}ffn_up_exps`, 32, 4)],
        ...[experts(`${p}ffn_down_exps`, 32, width, 4), bias(`${p}ffn_down_exps`, width, 4)],
      ]),
    ])
  },
  'Jamba, a hybrid': () => {
    const own = {
      'attention.head_count_kv': u32s([0, 2]),
      'ssm.conv_kernel': u32(4),
      'ssm.inner_size': u32(64),
      'ssm.state_size': u32(16),
      'ssm.time_step_rank': u32(4),
    }
    return plan('jamba', 2, own, [
      vector('output_norm'),
      ...eachLayer(2, (p, layer) => [
        ...norms(p, ['attn_norm', 'ffn_norm']),
        ...feedForward(p),
        ...(layer === 1
          ? attention(p)
          : [
              matrix(`${p}ssm_in`, width, 128),
              matrix(`${p}ssm_conv1d`, 4, 64),
              { name: `${p}ssm_conv1d.bias`, shape: [64] },
              matrix(`${p}ssm_x`, 64, 36),
              ...[vector(`${p}ssm_dt_norm`, 4), vector(`${p}ssm_b_norm`, 16), vector(`${p}ssm_c_norm`, 16)],
              matrix(`${p}ssm_dt`, 4, 64),
              { name: `${p}ssm_dt.bias`, shape: [64] },
              { name: `${p}ssm_a`, shape: [16, 64], mean: -1 },
              { name: `${p}ssm_d`, shape: [64] },
              matrix(`${p}ssm_out`, 64, width),
            ]),
      ]),
    ])
  },
}

const biased = (name: string, shape: number[]): TensorSpec[] => [
  { name: `${name}.weight`, shape },
  { name: `${name}.bias`, shape: shape.slice(-1) },
]
const llamaLayer = (p: string) => [...attention(p), ...feedForward(p), ...norms(p, ['attn_norm', 'ffn_norm'])]

/** With full attention, and one that is recurrent. */
export const others = {
  Llama: () =>
    plan('llama', 2, { 'rope.dimension_count': u32(8), vocab_size: u32(vocabulary) }, [
      vector('output_norm'),
      ...eachLayer(2, llamaLayer),
    ]),
  Qwen2: () => plan('qwen2', 2, {}, [vector('output_norm'), ...eachLayer(2, llamaLayer)]),
  Qwen3: () =>
    plan('qwen3', 2, {}, [
      vector('output_norm'),
      ...eachLayer(2, (p) => [...llamaLayer(p), ...norms(p, ['attn_q_norm', 'attn_k_norm'], 8)]),
    ]),
  'GPT-2': () =>
    plan('gpt2', 2, { 'attention.head_count_kv': u32(4), 'attention.layer_norm_epsilon': f32(1e-5) }, [
      matrix('position_embd', width, 1024),
      ...biased('output_norm', [width]),
      ...eachLayer(2, (p) => [
        ...biased(`${p}attn_norm`, [width]),
        ...biased(`${p}attn_qkv`, [width, 3 * width]),
        ...biased(`${p}attn_output`, [width, width]),
        ...biased(`${p}ffn_norm`, [width]),
        ...biased(`${p}ffn_up`, [width, 64]),
        ...biased(`${p}ffn_down`, [64, width]),
      ]),
    ]),
}
