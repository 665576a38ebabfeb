/**
 * What a context is made with: options, their defaults and the checks that C lacks.
 */
import { InputError } from '../errors.ts'
import type { AttentionProbe } from './attention-probe.ts'
import type { LlamaModel } from './model.ts'
import type { QueryProbe } from './query-probe.ts'
import { ggmlType, type LlamaContextParams } from './structs.ts'
import { defaultThreads } from './threads.ts'

export const kvTypes = ['f16', 'q8_0', 'f32'] as const
export type KvType = (typeof kvTypes)[number]

export interface ContextOptions {
  /** Cells of each sequence; llama.cpp rounds them up to a multiple of 256. */
  readonly cellsPerSequence: number
  /** How many sequences it holds. Default 1. */
  readonly sequences?: number | undefined
  /** Default f16. */
  readonly kvType?: KvType | undefined
  /** Compute threads. Default: `defaultThreads`. */
  readonly threads?: number | undefined
  /** The most tokens of one forward pass. Default 512. */
  readonly batchTokens?: number | undefined
  /** Default: on a GPU and for a quantised cache; on the CPU it is slower (docs/benchmarks.md). */
  readonly flashAttention?: boolean | undefined
  /** The most output rows of one decode; at least `sequences`, the default. */
  readonly outputRows?: number | undefined
  /** Reads attention weights; turns flash attention off. */
  readonly attentionProbe?: AttentionProbe | undefined
  /** Reads queries; not together with an attention probe. */
  readonly queryProbe?: QueryProbe | undefined
}

/** Options with their defaults, checked. */
export interface ContextSettings {
  /** A multiple of 256. */
  readonly cellsPerSequence: number
  readonly sequences: number
  readonly kvType: KvType
  readonly threads: number
  readonly batchTokens: number
  readonly flashAttention: boolean
  readonly outputRows: number
  readonly attentionProbe: AttentionProbe | undefined
  readonly queryProbe: QueryProbe | undefined
}

/** The most tokens of one forward pass. */
const defaultBatchTokens = 512

const flashAttentionType = { off: 0, on: 1 }
const poolingNone = 0

/** @throws InputError `invalid_context` for numbers that C would not survive, and for what cannot be combined */
export function resolveContextOptions(model: LlamaModel, options: ContextOptions): ContextSettings {
  const { sequences = 1, kvType = 'f16', batchTokens = defaultBatchTokens, outputRows = sequences } = options
  const { attentionProbe, queryProbe } = options
  const threads = options.threads ?? defaultThreads(model.weightBytes)
  checkRange('cells', options.cellsPerSequence, 1, 2 ** 24)
  checkRange('sequences', sequences, 1, model.library.c.llama_max_parallel_sequences())
  checkRange('threads', threads, 1, 512)
  checkRange('batchTokens', batchTokens, 1, 2 ** 16)
  checkRange('outputRows', outputRows, sequences, 2 ** 16)
  checkAttentionProbe(options)
  const flashAttention =
    options.flashAttention ?? (attentionProbe === undefined && (model.usesGpu || kvType === 'q8_0'))
  if (kvType === 'q8_0' && !flashAttention) {
    throw new InputError('invalid_context', 'a q8_0 cache needs flash attention: leave it on, or use `kvType: f16`')
  }
  const cellsPerSequence = Math.ceil(options.cellsPerSequence / 256) * 256
  checkRange('cells of all sequences', cellsPerSequence * sequences, 1, 2 ** 31 - 1)
  return {
    cellsPerSequence,
    sequences,
    kvType,
    threads,
    batchTokens,
    flashAttention,
    outputRows,
    attentionProbe,
    queryProbe,
  }
}

/** The most entries of one batch: a step of all sequences must fit into one, and C aborts on a larger one. */
export function batchCapacity({ batchTokens, sequences }: ContextSettings): number {
  return Math.max(batchTokens, sequences)
}

/**
 * The cells that llama.cpp gives a layer with a window for one sequence: what the window and one pass need. A cell is taken again only
 * when no later token can see its position, so nothing is lost beside a cache of as many cells as the others have.
 */
export function windowCells(window: number, batchTokens = defaultBatchTokens): number {
  return Math.ceil((window + batchTokens) / 256) * 256
}

export function contextParams(model: LlamaModel, settings: ContextSettings): LlamaContextParams {
  const { cellsPerSequence, sequences, kvType, threads, flashAttention, outputRows } = settings
  const probe = settings.attentionProbe ?? settings.queryProbe
  return {
    ...model.library.c.llama_context_default_params(),
    n_ctx: cellsPerSequence * sequences,
    n_seq_max: sequences,
    n_batch: batchCapacity(settings),
    n_ubatch: batchCapacity(settings),
    n_outputs_max: outputRows,
    n_threads: threads,
    n_threads_batch: threads,
    pooling_type: poolingNone,
    flash_attn_type: flashAttention ? flashAttentionType.on : flashAttentionType.off,
    type_k: ggmlType[kvType],
    type_v: ggmlType[kvType],
    embeddings: true,
    offload_kqv: model.usesGpu,
    op_offload: model.usesGpu,
    kv_unified: false,
    swa_full: false,
    cb_eval: probe?.callback ?? null,
  }
}

function checkAttentionProbe({ attentionProbe, kvType, flashAttention }: ContextOptions): void {
  if (attentionProbe === undefined) return
  if (kvType === 'q8_0') {
    throw new InputError(
      'invalid_context',
      'attention weights cannot be read from a q8_0 cache, which needs flash attention: use `kvType: f16`',
    )
  }
  if (flashAttention === true) {
    throw new InputError(
      'invalid_context',
      'attention weights cannot be read with flash attention: leave `flashAttention` out, or turn it off',
    )
  }
}

function checkRange(name: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return
  throw new InputError('invalid_context', `${name} must be a whole number from ${least} to ${most}, not ${value}`)
}
