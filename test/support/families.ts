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

const headSizes = { 'attention.key_length': u32(8), 'attention.value_length': u32(8) }
const graniteScales = {
  'attention.scale': f32(0.35),
  embedding_scale: f32(1),
  residual_scale: f32(1),
  logit_scale: f32(1),
  'rope.dimension_count': u32(8),
}
/** Mamba-2: 4 heads in 2 groups. */
const mamba2Sizes = {
  'ssm.conv_kernel': u32(4),
  'ssm.inner_size': u32(64),
  'ssm.state_size': u32(16),
  'ssm.time_step_rank': u32(4),
  'ssm.group_count': u32(2),
}
const mamba2 = (p: string): TensorSpec[] => {
  const convolved = 64 + 2 * 2 * 16
  return [
    matrix(`${p}ssm_in`, width, 64 + convolved + 4),
    matrix(`${p}ssm_conv1d`, 4, convolved),
    { name: `${p}ssm_conv1d.bias`, shape: [convolved] },
    { name: `${p}ssm_dt.bias`, shape: [4] },
    { name: `${p}ssm_a`, shape: [1, 4], mean: -1 },
    { name: `${p}ssm_d`, shape: [1, 4], mean: 1 },
    matrix(`${p}ssm_norm`, 32, 2),
    matrix(`${p}ssm_out`, 64, width),
  ]
}

/** Gated DeltaNet: 4 value heads, 2 key heads; every second layer has attention with a gate. */
const deltaNetSizes = {
  ...headSizes,
  'rope.dimension_count': u32(8),
  'ssm.conv_kernel': u32(4),
  'ssm.inner_size': u32(32),
  'ssm.state_size': u32(8),
  'ssm.time_step_rank': u32(4),
  'ssm.group_count': u32(2),
  full_attention_interval: u32(2),
}
const deltaNet = (p: string): TensorSpec[] => {
  const convolved = 32 + 2 * 2 * 8
  return [
    matrix(`${p}attn_qkv`, width, convolved),
    matrix(`${p}attn_gate`, width, 32),
    matrix(`${p}ssm_conv1d`, 4, convolved),
    { name: `${p}ssm_dt.bias`, shape: [4] },
    { name: `${p}ssm_a`, shape: [4], mean: -1 },
    vector(`${p}ssm_norm`, 8),
    matrix(`${p}ssm_out`, 32, width),
  ]
}
const gatedAttention = (p: string) => [
  matrix(`${p}attn_q`, width, 64),
  ...attention(p).slice(1),
  ...norms(p, ['attn_q_norm', 'attn_k_norm'], 8),
]
/** Of which a router chooses, and one for all tokens. */
const experts = (p: string): TensorSpec[] => [
  matrix(`${p}ffn_gate_inp`, width, 4),
  { name: `${p}ffn_gate_exps.weight`, shape: [width, 32, 4] },
  { name: `${p}ffn_up_exps.weight`, shape: [width, 32, 4] },
  { name: `${p}ffn_down_exps.weight`, shape: [32, width, 4] },
  ...[matrix(`${p}ffn_gate_shexp`, width, 32), matrix(`${p}ffn_up_shexp`, width, 32)],
  matrix(`${p}ffn_down_shexp`, 32, width),
]

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
    const ofExperts = (name: string, ...shape: number[]): TensorSpec => ({ name: `${name}.weight`, shape })
    return plan('gpt-oss', 2, own, [
      vector('output_norm'),
      matrix('output', width, vocabulary),
      ...eachLayer(2, (p) => [
        ...norms(p, ['attn_norm', 'post_attention_norm']),
        ...attention(p),
        ...[bias(`${p}attn_q`, 32), bias(`${p}attn_k`, 16), bias(`${p}attn_v`, 16), bias(`${p}attn_output`, width)],
        vector(`${p}attn_sinks`, 4),
        ...[matrix(`${p}ffn_gate_inp`, width, 4), bias(`${p}ffn_gate_inp`, 4)],
        ...[ofExperts(`${p}ffn_gate_exps`, width, 32, 4), bias(`${p}ffn_gate_exps`, 32, 4)],
        ...[ofExperts(`${p}ffn_up_exps`, width, 32, 4), bias(`${p}ffn_up_exps`, 32, 4)],
        ...[ofExperts(`${p}ffn_down_exps`, 32, width, 4), bias(`${p}ffn_down_exps`, width, 4)],
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
  'Granite 4, a hybrid': () =>
    plan('granitehybrid', 2, { ...mamba2Sizes, 'attention.head_count_kv': u32s([0, 2]), ...graniteScales }, [
      vector('output_norm'),
      ...eachLayer(2, (p, layer) => [
        ...norms(p, ['attn_norm', 'ffn_norm']),
        ...feedForward(p),
        ...(layer === 1 ? attention(p) : mamba2(p)),
      ]),
    ]),
  // Its layers have both.
  'Falcon-H1, a hybrid': () =>
    plan('falcon-h1', 2, { ...mamba2Sizes, ...headSizes }, [
      vector('output_norm'),
      ...eachLayer(2, (p) => [
        vector(`${p}attn_norm`),
        // llama.cpp asks for this one without `.weight`.
        { name: `${p}ffn_norm`, shape: [width] },
        ...feedForward(p),
        ...attention(p),
        ...mamba2(p),
      ]),
    ]),
  // Its layers have one part each.
  'Nemotron-H, a hybrid': () =>
    plan(
      'nemotron_h',
      3,
      {
        ...mamba2Sizes,
        ...headSizes,
        'attention.head_count_kv': u32s([0, 2, 0]),
        'attention.layer_norm_epsilon': f32(1e-5),
        feed_forward_length: u32s([0, 0, 64]),
      },
      [
        vector('output_norm'),
        matrix('output', width, vocabulary),
        ...eachLayer(3, (p, layer) => [
          vector(`${p}attn_norm`),
          ...(layer === 0 ? mamba2(p) : []),
          ...(layer === 1 ? attention(p) : []),
          ...(layer === 2 ? [matrix(`${p}ffn_up`, width, 64), matrix(`${p}ffn_down`, 64, width)] : []),
        ]),
      ],
    ),
  'Qwen3-Next, a hybrid': () => {
    const own = {
      ...deltaNetSizes,
      expert_count: u32(4),
      expert_used_count: u32(2),
      expert_feed_forward_length: u32(32),
      expert_shared_feed_forward_length: u32(32),
    }
    return plan('qwen3next', 2, own, [
      vector('output_norm'),
      matrix('output', width, vocabulary),
      ...eachLayer(2, (p, layer) => [
        ...norms(p, ['attn_norm', 'post_attention_norm']),
        ...(layer === 1 ? gatedAttention(p) : [...deltaNet(p), matrix(`${p}ssm_ba`, width, 8)]),
        ...experts(p),
        vector(`${p}ffn_gate_inp_shexp`),
      ]),
    ])
  },
  'Qwen3.5, a hybrid': () =>
    plan('qwen35', 2, { ...deltaNetSizes, 'rope.dimension_sections': i32s([1, 1, 2, 0]) }, [
      vector('output_norm'),
      matrix('output', width, vocabulary),
      ...eachLayer(2, (p, layer) => [
        ...norms(p, ['attn_norm', 'post_attention_norm']),
        ...feedForward(p),
        ...(layer === 1
          ? gatedAttention(p)
          : [...deltaNet(p), matrix(`${p}ssm_beta`, width, 4), matrix(`${p}ssm_alpha`, width, 4)]),
      ]),
    ]),
  // Three of four layers attend within chunks.
  'Llama 4': () => {
    const own = {
      ...headSizes,
      'rope.dimension_count': u32(8),
      vocab_size: u32(vocabulary),
      expert_count: u32(4),
      expert_used_count: u32(1),
      interleave_moe_layer_step: u32(1),
      expert_feed_forward_length: u32(32),
      'attention.chunk_size': u32(16),
    }
    return plan('llama4', 4, own, [
      vector('output_norm'),
      matrix('output', width, vocabulary),
      ...eachLayer(4, (p) => [...norms(p, ['attn_norm', 'ffn_norm']), ...attention(p), ...experts(p)]),
    ])
  },
}

const biased = (name: string, shape: number[]): TensorSpec[] => [
  { name: `${name}.weight`, shape },
  { name: `${name}.bias`, shape: shape.slice(-1) },
]
const llamaLayer = (p: string) => [...attention(p), ...feedForward(p), ...norms(p, ['attn_norm', 'ffn_norm'])]

/** With full attention; and one whose attention is sparse, which cannot be bounded. */
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
  // Its file states a window, which llama.cpp does not use.
  'Phi-3': () =>
    plan('phi3', 2, { 'attention.sliding_window': u32(16), 'rope.dimension_count': u32(8) }, [
      vector('output_norm'),
      ...eachLayer(2, (p) => [
        ...norms(p, ['attn_norm', 'ffn_norm']),
        matrix(`${p}attn_qkv`, width, 32 + 2 * 16),
        matrix(`${p}attn_output`, 32, width),
        ...[matrix(`${p}ffn_up`, width, 128), matrix(`${p}ffn_down`, 64, width)],
      ]),
    ]),
  'MiniMax-M3': () => {
    const own = {
      ...headSizes,
      'rope.dimension_count': u32(8),
      leading_dense_block_count: u32(1),
      expert_count: u32(4),
      expert_used_count: u32(2),
      expert_shared_count: u32(1),
      expert_gating_func: u32(2),
      expert_feed_forward_length: u32(32),
      'attention.indexer.head_count': u32(2),
      'attention.indexer.key_length': u32(8),
      'attention.indexer.top_k': u32(2),
      'attention.indexer.block_size': u32(4),
      'attention.indexer.local_blocks': u32(1),
    }
    return plan('minimax-m3', 2, own, [
      vector('output_norm'),
      matrix('output', width, vocabulary),
      ...eachLayer(2, (p, layer) => [
        ...norms(p, ['attn_norm', 'ffn_norm']),
        ...attention(p),
        ...norms(p, ['attn_q_norm', 'attn_k_norm'], 8),
        ...(layer === 0
          ? feedForward(p)
          : [
              ...experts(p),
              { name: `${p}exp_probs_b.bias`, shape: [4] },
              ...[matrix(`${p}indexer.q_proj`, width, 16), matrix(`${p}indexer.k_proj`, width, 8)],
              ...norms(p, ['indexer.q_norm', 'indexer.k_norm'], 8),
            ]),
      ]),
    ])
  },
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

/** In which of its sizes a tensor of attention has the heads: from the start, or from the end. */
const headsAt: Readonly<Record<string, number>> = {
  'attn_q.weight': -1,
  'attn_k.weight': -1,
  'attn_v.weight': -1,
  'attn_q.bias': -1,
  'attn_k.bias': -1,
  'attn_v.bias': -1,
  'attn_output.weight': 0,
  'attn_q_norm.weight': 0,
  'attn_k_norm.weight': 0,
}

/** The same model with larger heads than those of 8. A q8_0 cache has blocks of 32, and rotates heads of 64. */
export function withHeads({ metadata, tensors }: ModelPlan, size: number): ModelPlan {
  const architecture = String(metadata['general.architecture']?.value)
  const sized = tensors.map((tensor) => {
    const at = headsAt[tensor.name.split('.').slice(2).join('.')]
    if (at === undefined) return tensor
    const index = at < 0 ? tensor.shape.length + at : at
    return { ...tensor, shape: tensor.shape.map((count, i) => (i === index ? (Number(count) / 8) * size : count)) }
  })
  const key = (name: string) => `${architecture}.${name}`
  const lengths = { [key('attention.key_length')]: u32(size), [key('attention.value_length')]: u32(size) }
  // With sections it is their sum.
  const isWhole = key('rope.dimension_count') in metadata && !(key('rope.dimension_sections') in metadata)
  if (isWhole) lengths[key('rope.dimension_count')] = u32(size)
  return { metadata: { ...metadata, ...lengths }, tensors: sized }
}
