/**
 * The structs and callbacks of llama.cpp that cross into C, by their C names. Layouts are those of llama.cpp v0.4.0 and v0.5.0
 * (the same in both): one that is wrong corrupts memory, so an unknown release is refused when it is loaded.
 */
import koffi from 'koffi'

/** An address in C; 0n never occurs, null is the null pointer. */
export type Pointer = bigint
export type Nullable = Pointer | null

/** What a C type is in TypeScript. */
interface ValueOf {
  'void *': Nullable
  int: number
  int32_t: number
  uint32_t: number
  size_t: number
  float: number
  bool: boolean
}
type Fields = Readonly<Record<string, keyof ValueOf>>
type Struct<F extends Fields> = { -readonly [Name in keyof F]: ValueOf[F[Name]] }

const structs = {
  llama_model_params: {
    devices: 'void *',
    tensor_buft_overrides: 'void *',
    n_gpu_layers: 'int32_t',
    split_mode: 'int',
    load_mode: 'int',
    lazy_mode: 'int',
    main_gpu: 'int32_t',
    tensor_split: 'void *',
    progress_callback: 'void *',
    progress_callback_user_data: 'void *',
    kv_overrides: 'void *',
    vocab_only: 'bool',
    check_tensors: 'bool',
    use_extra_bufts: 'bool',
    no_host: 'bool',
    no_alloc: 'bool',
    load_mtp: 'bool',
  },
  llama_context_params: {
    n_ctx: 'uint32_t',
    n_batch: 'uint32_t',
    n_ubatch: 'uint32_t',
    n_seq_max: 'uint32_t',
    n_rs_seq: 'uint32_t',
    n_outputs_max: 'uint32_t',
    n_outputs_max_per_seq: 'uint32_t',
    n_threads: 'int32_t',
    n_threads_batch: 'int32_t',
    ctx_type: 'int',
    rope_scaling_type: 'int',
    pooling_type: 'int',
    attention_type: 'int',
    flash_attn_type: 'int',
    rope_freq_base: 'float',
    rope_freq_scale: 'float',
    yarn_ext_factor: 'float',
    yarn_attn_factor: 'float',
    yarn_beta_fast: 'float',
    yarn_beta_slow: 'float',
    yarn_orig_ctx: 'uint32_t',
    defrag_thold: 'float',
    cb_eval: 'void *',
    cb_eval_user_data: 'void *',
    type_k: 'int',
    type_v: 'int',
    abort_callback: 'void *',
    abort_callback_data: 'void *',
    embeddings: 'bool',
    offload_kqv: 'bool',
    no_perf: 'bool',
    op_offload: 'bool',
    swa_full: 'bool',
    kv_unified: 'bool',
    samplers: 'void *',
    n_samplers: 'size_t',
    ctx_other: 'void *',
  },
  llama_batch: {
    n_tokens: 'int32_t',
    token: 'void *',
    embd: 'void *',
    pos: 'void *',
    n_seq_id: 'void *',
    seq_id: 'void *',
    logits: 'void *',
  },
  llama_sampler_chain_params: { no_perf: 'bool' },
  ggml_init_params: {
    mem_size: 'size_t',
    mem_buffer: 'void *',
    no_alloc: 'bool',
  },
} as const satisfies Record<string, Fields>
for (const [name, fields] of Object.entries(structs)) koffi.struct(name, fields)

export type LlamaModelParams = Struct<typeof structs.llama_model_params>
export type LlamaContextParams = Struct<typeof structs.llama_context_params>
/** As `llama_batch_init` returns it: with all arrays but `embd`. */
export type LlamaBatch = Struct<typeof structs.llama_batch> & Record<BatchArray, Pointer>
type BatchArray = 'token' | 'pos' | 'n_seq_id' | 'seq_id' | 'logits'
export type LlamaSamplerChainParams = Struct<typeof structs.llama_sampler_chain_params>
export type GgmlInitParams = Struct<typeof structs.ggml_init_params>

/** `enum ggml_type`, as far as it is used. */
export const ggmlType = { f32: 0, f16: 1, q8_0: 8, i32: 26 } as const

/** The fields of `struct ggml_tensor` up to `nb`: type, buffer, shape (elements) and strides (bytes). */
export const tensorHead = koffi.struct('ggml_tensor_head', {
  type: 'int',
  buffer: 'void *',
  ne: koffi.array('int64_t', 4, 'Array'),
  nb: koffi.array('size_t', 4, 'Array'),
})

/** The whole of `struct ggml_tensor` up to `src`: what a node is computed from. */
export const tensorSources = koffi.struct('ggml_tensor_sources', {
  head: tensorHead,
  op: 'int',
  op_params: koffi.array('int32_t', 16, 'Array'),
  flags: 'int32_t',
  src: koffi.array('void *', 10, 'Array'),
})

koffi.proto('void ggml_log_callback(int level, const char *text, void *user_data)')
koffi.proto('bool llama_progress_callback(float progress, void *user_data)')
koffi.proto('bool ggml_backend_sched_eval_callback(void *tensor, bool ask, void *user_data)')
export const logCallback = koffi.pointer('ggml_log_callback')
export const progressCallback = koffi.pointer('llama_progress_callback')
export const evalCallback = koffi.pointer('ggml_backend_sched_eval_callback')
