/**
 * A model in memory. The file must have been checked (`models/gguf-file.ts`) before it is given to C.
 */
import koffi from 'koffi'
import { EngineError, InputError } from '../errors.ts'
import type { Bindings } from './bindings.ts'
import { NativeHandle } from './handle.ts'
import type { LlamaLibrary } from './library.ts'
import { indexerKeys, indexerObstacle } from './sparse-attention.ts'
import { progressCallback, type Pointer } from './structs.ts'
import { Vocab } from './vocab.ts'

export interface ModelOptions {
  /** Layers kept on the GPU; negative: all. Without a GPU it has no effect. */
  readonly gpuLayers?: number | undefined
  /** Loads no weights: `vocab` can be used, and every size is 0. */
  readonly vocabularyOnly?: boolean | undefined
  /** Called with 0..1 while the weights are read; returning false stops the loading. */
  readonly onProgress?: ((share: number) => boolean) | undefined
}

/** LLAMA_ROPE_TYPE_MROPE, _VISION and _IMROPE. */
const multiRopeTypes: ReadonlySet<number> = new Set([8, 24, 40])

export class LlamaModel extends NativeHandle {
  readonly library: LlamaLibrary
  readonly vocab: Vocab
  readonly layers: number
  /** d: the size of the last hidden state. */
  readonly hiddenSize: number
  readonly heads: number
  /** The most positions that the model was trained for. */
  readonly trainedContext: number
  readonly weightBytes: number
  readonly usesGpu: boolean
  readonly #c: Bindings

  /**
   * @param path a GGUF; of a split model the first part
   * @throws InputError `model_not_loaded` with what llama.cpp says of it; EngineError `load_cancelled`
   */
  static load(library: LlamaLibrary, path: string, options: ModelOptions = {}): LlamaModel {
    const { c } = library
    const params = c.llama_model_default_params()
    const gpu = library.backend !== 'cpu'
    params.n_gpu_layers = gpu ? (options.gpuLayers ?? -1) : 0
    params.vocab_only = options.vocabularyOnly ?? false
    const progress = { cancelled: false }
    const onProgress = options.onProgress
    const callback = onProgress
      ? koffi.register((share: number) => {
          progress.cancelled ||= !onProgress(share)
          return !progress.cancelled
        }, progressCallback)
      : null
    params.progress_callback = callback
    const load = () => (progress.cancelled ? null : c.llama_model_load_from_file(path, params))
    try {
      const pointer = library.make(load, (reason = 'no reason given') =>
        progress.cancelled
          ? cancelled()
          : new InputError('model_not_loaded', `llama.cpp cannot load ${path}: ${reason}`),
      )
      if (progress.cancelled) {
        c.llama_model_free(pointer)
        throw cancelled()
      }
      return new LlamaModel(library, pointer, { usesGpu: gpu && params.n_gpu_layers !== 0, ...options })
    } finally {
      if (callback !== null) koffi.unregister(callback)
    }
  }

  private constructor(
    library: LlamaLibrary,
    pointer: Pointer,
    { usesGpu, vocabularyOnly = false }: ModelOptions & { usesGpu: boolean },
  ) {
    super(pointer)
    const { c } = library
    this.library = library
    this.#c = c
    const [model, pre] = ['model', 'pre'].map((name) => this.#metadata(`tokenizer.ggml.${name}`))
    this.vocab = new Vocab(c, c.llama_model_get_vocab(pointer), this, { model, pre })
    this.layers = c.llama_model_n_layer(pointer)
    this.hiddenSize = c.llama_model_n_embd_out(pointer)
    // C aborts when it is asked for the heads of a model without layers.
    this.heads = vocabularyOnly ? 0 : c.llama_model_n_head(pointer)
    this.trainedContext = c.llama_model_n_ctx_train(pointer)
    this.weightBytes = c.llama_model_size(pointer)
    this.usesGpu = usesGpu
  }

  /** Whether a cell has coordinates beside its position (M-RoPE: Qwen-VL, Qwen3.5), which its saved state holds. */
  get hasCoordinates(): boolean {
    return multiRopeTypes.has(this.#c.llama_model_rope_type(this.pointer))
  }

  /** Why this model generates no text at all here, or undefined if it does. */
  get unusable(): string | undefined {
    const c = this.#c
    if (c.llama_model_has_encoder(this.pointer)) return 'it is an encoder-decoder model'
    if (!c.llama_model_has_decoder(this.pointer)) return 'it has no decoder'
    if (c.llama_model_is_diffusion(this.pointer))
      return 'it is a diffusion model, which does not generate token by token'
    if (this.vocab.size === 0) return 'it has no vocabulary'
    return undefined
  }

  /** Why cells cannot be removed one by one from this model's cache, or undefined if they can. */
  get notEvictable(): string | undefined {
    if (this.isRecurrent) return 'it is recurrent: it keeps a state instead of a KV cache'
    const hasIndexer = indexerKeys.some((key) => this.#architectureValue(key) !== undefined)
    return hasIndexer ? indexerObstacle : undefined
  }

  /**
   * Why attention weights and cached keys of this model cannot be read, or undefined if they can, unless all its layers have a window
   * (`cacheLayersOf`).
   */
  get notReadable(): string | undefined {
    if (this.hasWindow && this.usesGpu)
      return 'it has layers with a sliding window, which are told apart on the CPU only (`gpu: off`)'
    if ((this.hasWindow || this.isHybrid) && this.keyLength === undefined) return 'the size of its heads is not known'
    return this.notEvictable
  }

  /** Why cached values of this model cannot be read, where its keys can, or undefined if they can. */
  get valuesNotReadable(): string | undefined {
    if (this.#architectureValue('attention.key_length_mla') === undefined) return undefined
    return 'it has latent attention (MLA): its cache holds no values'
  }

  /** Whether it has recurrent layers alone. */
  get isRecurrent(): boolean {
    return this.#c.llama_model_is_recurrent(this.pointer)
  }

  /** Whether it has attention and recurrent layers. */
  get isHybrid(): boolean {
    return this.#c.llama_model_is_hybrid(this.pointer)
  }

  /** Values of one key head of the layers with full attention, as far as it is known. */
  get keyLength(): number | undefined {
    const stated = Number(this.#architectureValue('attention.key_length'))
    if (stated > 0) return stated
    return this.heads > 0 && this.hiddenSize % this.heads === 0 ? this.hiddenSize / this.heads : undefined
  }

  /** How many of the newest positions a layer with a sliding window sees, its own included; 0: there are no such layers. */
  get window(): number {
    return Math.max(0, this.#c.llama_model_n_swa(this.pointer))
  }

  /** Whether some layers see only a window of the newest positions. */
  get hasWindow(): boolean {
    return this.window > 0
  }

  #architectureValue(name: string): string | undefined {
    return this.#metadata(`${this.#metadata('general.architecture') ?? ''}.${name}`)
  }

  /** A scalar of the GGUF's metadata as text, up to 255 bytes of it. */
  #metadata(key: string): string | undefined {
    const bytes = new Uint8Array(256)
    const length = this.#c.llama_model_meta_val_str(this.pointer, key, bytes, bytes.length)
    return length < 0 ? undefined : new TextDecoder().decode(bytes.subarray(0, Math.min(length, 255)))
  }

  protected override free(pointer: Pointer): void {
    this.#c.llama_model_free(pointer)
  }
}

function cancelled(): EngineError {
  return new EngineError('load_cancelled', 'loading the model was cancelled')
}
