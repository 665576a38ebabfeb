/**
 * The C functions of llama.cpp that this package calls, by their C names; the structs are in `structs.ts`. Nothing here checks
 * its arguments: callers in this folder do, because C does not.
 */
import type { LibraryHandle } from 'koffi'
// The prototypes name its structs.
import './structs.ts'
import type {
  GgmlInitParams,
  LlamaBatch,
  LlamaContextParams,
  LlamaModelParams,
  LlamaSamplerChainParams,
  Nullable,
  Pointer,
} from './structs.ts'

/** A C prototype with the TypeScript signature that koffi gives it. */
interface Declaration<Signature> {
  readonly prototype: string
  readonly signature?: Signature
}
const c = <Signature>(prototype: string): Declaration<Signature> => ({ prototype })

type P = Pointer
type N = Nullable
/** Memory that C reads or writes during the call. */
type Memory = ArrayBufferView | Pointer

const llama = {
  llama_version: c<() => string>('const char *llama_version()'),
  llama_backend_init: c<() => void>('void llama_backend_init()'),
  llama_log_set: c<(callback: N, userData: null) => void>('void llama_log_set(void *, void *)'),
  llama_max_parallel_sequences: c<() => number>('size_t llama_max_parallel_sequences()'),

  llama_model_default_params: c<() => LlamaModelParams>('llama_model_params llama_model_default_params()'),
  llama_model_load_from_file: c<(path: string, params: LlamaModelParams) => N>(
    'void *llama_model_load_from_file(const char *, llama_model_params)',
  ),
  llama_model_free: c<(model: P) => void>('void llama_model_free(void *)'),
  llama_model_get_vocab: c<(model: P) => P>('void *llama_model_get_vocab(void *)'),
  llama_model_n_ctx_train: c<(model: P) => number>('int32_t llama_model_n_ctx_train(void *)'),
  llama_model_n_embd_out: c<(model: P) => number>('int32_t llama_model_n_embd_out(void *)'),
  llama_model_n_layer: c<(model: P) => number>('int32_t llama_model_n_layer(void *)'),
  llama_model_rope_type: c<(model: P) => number>('int32_t llama_model_rope_type(void *)'),
  llama_model_n_head_kv: c<(model: P) => number>('int32_t llama_model_n_head_kv(void *)'),
  llama_model_n_head: c<(model: P) => number>('int32_t llama_model_n_head(void *)'),
  llama_model_n_swa: c<(model: P) => number>('int32_t llama_model_n_swa(void *)'),
  llama_model_size: c<(model: P) => number>('uint64_t llama_model_size(void *)'),
  llama_model_has_encoder: c<(model: P) => boolean>('bool llama_model_has_encoder(void *)'),
  llama_model_has_decoder: c<(model: P) => boolean>('bool llama_model_has_decoder(void *)'),
  llama_model_is_recurrent: c<(model: P) => boolean>('bool llama_model_is_recurrent(void *)'),
  llama_model_is_hybrid: c<(model: P) => boolean>('bool llama_model_is_hybrid(void *)'),
  llama_model_is_diffusion: c<(model: P) => boolean>('bool llama_model_is_diffusion(void *)'),
  llama_model_meta_val_str: c<(model: P, key: string, text: Memory, bytes: number) => number>(
    'int32_t llama_model_meta_val_str(void *, const char *, void *, size_t)',
  ),

  llama_vocab_n_tokens: c<(vocab: P) => number>('int32_t llama_vocab_n_tokens(void *)'),
  llama_vocab_bos: c<(vocab: P) => number>('int32_t llama_vocab_bos(void *)'),
  llama_vocab_eos: c<(vocab: P) => number>('int32_t llama_vocab_eos(void *)'),
  llama_vocab_get_add_bos: c<(vocab: P) => boolean>('bool llama_vocab_get_add_bos(void *)'),
  llama_vocab_get_attr: c<(vocab: P, token: number) => number>('int32_t llama_vocab_get_attr(void *, int32_t)'),
  llama_vocab_is_eog: c<(vocab: P, token: number) => boolean>('bool llama_vocab_is_eog(void *, int32_t)'),
  llama_tokenize: c<
    (vocab: P, text: Memory, bytes: number, tokens: Memory, max: number, addSpecial: boolean, parse: boolean) => number
  >('int32_t llama_tokenize(void *, void *, int32_t, void *, int32_t, bool, bool)'),
  llama_token_to_piece: c<
    (vocab: P, token: number, text: Memory, bytes: number, lstrip: number, special: boolean) => number
  >('int32_t llama_token_to_piece(void *, int32_t, void *, int32_t, int32_t, bool)'),

  llama_context_default_params: c<() => LlamaContextParams>('llama_context_params llama_context_default_params()'),
  llama_init_from_model: c<(model: P, params: LlamaContextParams) => N>(
    'void *llama_init_from_model(void *, llama_context_params)',
  ),
  llama_free: c<(context: P) => void>('void llama_free(void *)'),
  llama_get_memory: c<(context: P) => N>('void *llama_get_memory(void *)'),
  llama_n_ctx_seq: c<(context: P) => number>('uint32_t llama_n_ctx_seq(void *)'),
  llama_set_embeddings: c<(context: P, on: boolean) => void>('void llama_set_embeddings(void *, bool)'),
  llama_batch_init: c<(tokens: number, embd: number, sequences: number) => LlamaBatch>(
    'llama_batch llama_batch_init(int32_t, int32_t, int32_t)',
  ),
  llama_batch_free: c<(batch: LlamaBatch) => void>('void llama_batch_free(llama_batch)'),
  llama_decode: c<(context: P, batch: LlamaBatch) => number>('int32_t llama_decode(void *, llama_batch)'),
  llama_synchronize: c<(context: P) => void>('void llama_synchronize(void *)'),
  llama_get_logits_ith: c<(context: P, i: number) => N>('void *llama_get_logits_ith(void *, int32_t)'),
  llama_get_embeddings_ith: c<(context: P, i: number) => N>('void *llama_get_embeddings_ith(void *, int32_t)'),

  llama_memory_seq_rm: c<(memory: P, sequenceId: number, p0: number, p1: number) => boolean>(
    'bool llama_memory_seq_rm(void *, int32_t, int32_t, int32_t)',
  ),
  llama_memory_seq_pos_min: c<(memory: P, sequenceId: number) => number>(
    'int32_t llama_memory_seq_pos_min(void *, int32_t)',
  ),
  llama_state_seq_get_size_ext: c<(context: P, sequenceId: number, flags: number) => number>(
    'size_t llama_state_seq_get_size_ext(void *, int32_t, uint32_t)',
  ),
  llama_state_seq_get_data_ext: c<(context: P, to: Memory, bytes: number, sequenceId: number, flags: number) => number>(
    'size_t llama_state_seq_get_data_ext(void *, void *, size_t, int32_t, uint32_t)',
  ),
  llama_state_seq_set_data_ext: c<
    (context: P, from: Memory, bytes: number, sequenceId: number, flags: number) => number
  >('size_t llama_state_seq_set_data_ext(void *, void *, size_t, int32_t, uint32_t)'),

  llama_sampler_chain_init: c<(params: LlamaSamplerChainParams) => P>(
    'void *llama_sampler_chain_init(llama_sampler_chain_params)',
  ),
  llama_sampler_chain_add: c<(chain: P, sampler: P) => void>('void llama_sampler_chain_add(void *, void *)'),
  llama_sampler_init_greedy: c<() => P>('void *llama_sampler_init_greedy()'),
  llama_sampler_init_dist: c<(seed: number) => P>('void *llama_sampler_init_dist(uint32_t)'),
  llama_sampler_init_top_k: c<(k: number) => P>('void *llama_sampler_init_top_k(int32_t)'),
  llama_sampler_init_top_p: c<(p: number, minKeep: number) => P>('void *llama_sampler_init_top_p(float, size_t)'),
  llama_sampler_init_min_p: c<(p: number, minKeep: number) => P>('void *llama_sampler_init_min_p(float, size_t)'),
  llama_sampler_init_temp: c<(temperature: number) => P>('void *llama_sampler_init_temp(float)'),
  llama_sampler_init_penalties: c<
    (vocab: number, lastN: number, repeat: number, frequency: number, presence: number) => P
  >('void *llama_sampler_init_penalties(int32_t, int32_t, float, float, float)'),
  llama_sampler_sample: c<(chain: P, context: P, i: number) => number>(
    'int32_t llama_sampler_sample(void *, void *, int32_t)',
  ),
  /** Null for a grammar that it does not understand. */
  llama_sampler_init_grammar: c<(vocab: P, gbnf: string, root: string) => N>(
    'void *llama_sampler_init_grammar(void *, const char *, const char *)',
  ),
  llama_sampler_apply: c<(sampler: P, candidates: Memory) => void>('void llama_sampler_apply(void *, void *)'),
  llama_sampler_accept: c<(chain: P, token: number) => void>('void llama_sampler_accept(void *, int32_t)'),
  llama_sampler_free: c<(chain: P) => void>('void llama_sampler_free(void *)'),
}

const ggmlBase = {
  ggml_init: c<(params: GgmlInitParams) => P>('void *ggml_init(ggml_init_params)'),
  ggml_free: c<(context: P) => void>('void ggml_free(void *)'),
  ggml_tensor_overhead: c<() => number>('size_t ggml_tensor_overhead()'),
  ggml_graph_overhead: c<() => number>('size_t ggml_graph_overhead()'),
  ggml_get_name: c<(tensor: P) => string>('const char *ggml_get_name(void *)'),
  ggml_op_desc: c<(tensor: P) => string>('const char *ggml_op_desc(void *)'),
  ggml_set_name: c<(tensor: P, name: string) => P>('void *ggml_set_name(void *, const char *)'),
  ggml_new_tensor_2d: c<(context: P, type: number, ne0: number, ne1: number) => P>(
    'void *ggml_new_tensor_2d(void *, int, int64_t, int64_t)',
  ),
  ggml_set_input: c<(tensor: P) => void>('void ggml_set_input(void *)'),
  ggml_set_output: c<(tensor: P) => void>('void ggml_set_output(void *)'),
  ggml_mul_mat: c<(context: P, a: P, b: P) => P>('void *ggml_mul_mat(void *, void *, void *)'),
  ggml_get_rows: c<(context: P, a: P, rows: P) => P>('void *ggml_get_rows(void *, void *, void *)'),
  ggml_out_prod: c<(context: P, a: P, b: P) => P>('void *ggml_out_prod(void *, void *, void *)'),
  ggml_soft_max: c<(context: P, a: P) => P>('void *ggml_soft_max(void *, void *)'),
  ggml_softplus: c<(context: P, a: P) => P>('void *ggml_softplus(void *, void *)'),
  ggml_new_graph: c<(context: P) => P>('void *ggml_new_graph(void *)'),
  ggml_build_forward_expand: c<(graph: P, tensor: P) => void>('void ggml_build_forward_expand(void *, void *)'),
  ggml_gallocr_new: c<(bufferType: P) => P>('void *ggml_gallocr_new(void *)'),
  ggml_gallocr_free: c<(allocator: P) => void>('void ggml_gallocr_free(void *)'),
  ggml_gallocr_alloc_graph: c<(allocator: P, graph: P) => boolean>('bool ggml_gallocr_alloc_graph(void *, void *)'),
  ggml_backend_alloc_ctx_tensors: c<(context: P, backend: P) => N>(
    'void *ggml_backend_alloc_ctx_tensors(void *, void *)',
  ),
  ggml_backend_buffer_free: c<(buffer: P) => void>('void ggml_backend_buffer_free(void *)'),
  ggml_backend_get_default_buffer_type: c<(backend: P) => P>('void *ggml_backend_get_default_buffer_type(void *)'),
  ggml_backend_tensor_set: c<(tensor: P, data: Memory, offset: number, bytes: number) => void>(
    'void ggml_backend_tensor_set(void *, void *, size_t, size_t)',
  ),
  ggml_backend_tensor_get: c<(tensor: P, data: Memory, offset: number, bytes: number) => void>(
    'void ggml_backend_tensor_get(void *, void *, size_t, size_t)',
  ),
  ggml_backend_graph_compute: c<(backend: P, graph: P) => number>('int ggml_backend_graph_compute(void *, void *)'),
  ggml_backend_free: c<(backend: P) => void>('void ggml_backend_free(void *)'),

  ggml_new_graph_custom: c<(context: P, operations: number, gradients: boolean) => P>(
    'void *ggml_new_graph_custom(void *, size_t, bool)',
  ),
  ggml_graph_overhead_custom: c<(operations: number, gradients: boolean) => number>(
    'size_t ggml_graph_overhead_custom(size_t, bool)',
  ),
  ggml_graph_n_nodes: c<(graph: P) => number>('int ggml_graph_n_nodes(void *)'),
  ggml_graph_node: c<(graph: P, i: number) => P>('void *ggml_graph_node(void *, int)'),
  ggml_backend_supports_op: c<(backend: P, operation: P) => boolean>('bool ggml_backend_supports_op(void *, void *)'),
  ggml_backend_buffer_clear: c<(buffer: P, value: number) => void>('void ggml_backend_buffer_clear(void *, uint8_t)'),
  ggml_nbytes: c<(tensor: P) => number>('size_t ggml_nbytes(void *)'),
  ggml_set_param: c<(tensor: P) => void>('void ggml_set_param(void *)'),
  ggml_view_2d: c<(context: P, a: P, ne0: number, ne1: number, rowBytes: number, offset: number) => P>(
    'void *ggml_view_2d(void *, void *, int64_t, int64_t, size_t, size_t)',
  ),
  ggml_transpose: c<(context: P, a: P) => P>('void *ggml_transpose(void *, void *)'),
  ggml_cont: c<(context: P, a: P) => P>('void *ggml_cont(void *, void *)'),
  ggml_cast: c<(context: P, a: P, type: number) => P>('void *ggml_cast(void *, void *, int)'),
  ggml_cpy: c<(context: P, from: P, to: P) => P>('void *ggml_cpy(void *, void *, void *)'),
  ggml_add_inplace: c<(context: P, a: P, b: P) => P>('void *ggml_add_inplace(void *, void *, void *)'),
  ggml_mul: c<(context: P, a: P, b: P) => P>('void *ggml_mul(void *, void *, void *)'),
  ggml_mul_inplace: c<(context: P, a: P, b: P) => P>('void *ggml_mul_inplace(void *, void *, void *)'),
  ggml_scale: c<(context: P, a: P, factor: number) => P>('void *ggml_scale(void *, void *, float)'),
  ggml_expm1: c<(context: P, a: P) => P>('void *ggml_expm1(void *, void *)'),
  ggml_sqr: c<(context: P, a: P) => P>('void *ggml_sqr(void *, void *)'),
  ggml_sum_rows: c<(context: P, a: P) => P>('void *ggml_sum_rows(void *, void *)'),
  ggml_opt_step_adamw: c<(context: P, weights: P, gradient: P, m: P, v: P, parameters: P) => P>(
    'void *ggml_opt_step_adamw(void *, void *, void *, void *, void *, void *)',
  ),
  ggml_backend_get_device: c<(backend: P) => N>('void *ggml_backend_get_device(void *)'),
  ggml_backend_dev_backend_reg: c<(device: P) => N>('void *ggml_backend_dev_backend_reg(void *)'),

  ggml_backend_dev_name: c<(device: P) => string>('const char *ggml_backend_dev_name(void *)'),
  ggml_backend_dev_description: c<(device: P) => string>('const char *ggml_backend_dev_description(void *)'),
  ggml_backend_dev_type: c<(device: P) => number>('int ggml_backend_dev_type(void *)'),
  ggml_backend_dev_init: c<(device: P, params: null) => N>('void *ggml_backend_dev_init(void *, const char *)'),
  ggml_backend_reg_get_proc_address: c<(registry: P, name: string) => N>(
    'void *ggml_backend_reg_get_proc_address(void *, const char *)',
  ),

  gguf_init_empty: c<() => P>('void *gguf_init_empty()'),
  gguf_free: c<(gguf: P) => void>('void gguf_free(void *)'),
  gguf_set_val_str: c<(gguf: P, key: string, value: string) => void>(
    'void gguf_set_val_str(void *, const char *, const char *)',
  ),
  gguf_set_val_u32: c<(gguf: P, key: string, value: number) => void>(
    'void gguf_set_val_u32(void *, const char *, uint32_t)',
  ),
  gguf_set_val_f32: c<(gguf: P, key: string, value: number) => void>(
    'void gguf_set_val_f32(void *, const char *, float)',
  ),
  gguf_add_tensor: c<(gguf: P, tensor: P) => void>('void gguf_add_tensor(void *, void *)'),
  gguf_set_tensor_data: c<(gguf: P, name: string, data: Memory) => void>(
    'void gguf_set_tensor_data(void *, const char *, void *)',
  ),
  gguf_get_meta_size: c<(gguf: P) => number>('size_t gguf_get_meta_size(const void *)'),
  gguf_write_to_file: c<(gguf: P, path: string, onlyMeta: boolean) => boolean>(
    'bool gguf_write_to_file(void *, const char *, bool)',
  ),
}

const ggml = {
  ggml_backend_load_all_from_path: c<(folder: string) => void>('void ggml_backend_load_all_from_path(const char *)'),
  ggml_backend_dev_count: c<() => number>('size_t ggml_backend_dev_count()'),
  ggml_backend_dev_get: c<(i: number) => P>('void *ggml_backend_dev_get(size_t)'),
}

type Signatures<Table> = { [Name in keyof Table]: Table[Name] extends Declaration<infer S> ? S : never }
export type Bindings = Signatures<typeof llama> & Signatures<typeof ggmlBase> & Signatures<typeof ggml>

/** The three libraries in which llama.cpp comes, already loaded. */
export interface LoadedLibraries {
  readonly llama: LibraryHandle
  readonly ggml: LibraryHandle
  readonly ggmlBase: LibraryHandle
}

/**
 * Looks up every function.
 * @throws Error if a library lacks one (another release of llama.cpp)
 */
export function bind(libraries: LoadedLibraries): Bindings {
  const bindings: Record<string, unknown> = {}
  const tables: [LibraryHandle, Record<string, Declaration<unknown>>][] = [
    [libraries.llama, llama],
    [libraries.ggml, ggml],
    [libraries.ggmlBase, ggmlBase],
  ]
  for (const [library, table] of tables) {
    for (const [name, { prototype }] of Object.entries(table)) bindings[name] = library.func(prototype)
  }
  return bindings as Bindings
}
