/**
 * What the main thread and the engine's thread say to each other. Plain data only.
 */
import type { CellBytes } from '../cache/cell-bytes.ts'
import type { CompactionChoice } from '../cache/compaction.ts'
import { EngineError, InputError } from '../errors.ts'
import type { ProtectedPart } from '../eviction/protect.ts'
import type { GpuChoice, KvType, TemplateVariables, ThinkingTags } from '../llama/index.ts'
import type { Completion, TraceLayout } from './trace-layout.ts'
import type { GenerateEvent, GenerateRequest, Prompt } from './types.ts'

export interface LoadMessage {
  readonly path: string
  readonly predictorPath?: string | undefined
  readonly calibrationPath?: string | undefined
  readonly chatTemplate?: string | undefined
  readonly templateVariables?: TemplateVariables | undefined
  readonly thinkingTags: ThinkingTags
  readonly gpu: GpuChoice
  readonly gpuLayers?: number | undefined
  readonly threads?: number | undefined
  /** Without weights: it tokenises and renders, but does not generate. */
  readonly vocabularyOnly: boolean
  /** One int32 in shared memory; not 0: stop loading. */
  readonly cancel: SharedArrayBuffer
}

/** What C knows of a model and its file does not say. */
export interface LoadReply {
  readonly modelId: number
  readonly release: string
  readonly backend: string
  readonly threads: number
  readonly notEvictable?: string | undefined
}

export interface OpenMessage {
  readonly modelId: number
  readonly cellsPerSequence: number
  readonly sequences: number
  readonly kvType: KvType
  readonly compaction: CompactionChoice
  readonly flashAttention?: boolean | undefined
  /** Whether attention weights are read. */
  readonly attention: boolean
  readonly promptStateBytes?: number | undefined
  /** Keys and values of one token in all layers, as the file's header tells. */
  readonly bytesPerCell: number
}

export interface OpenReply {
  readonly engineId: number
  /** After llama.cpp's rounding. */
  readonly cellsPerSequence: number
  readonly cellBytes: CellBytes
}

/** What a request will be carried out with, before there is a cache for it. */
export interface PlanReply {
  readonly policy: string
  /** What the request protects beyond what the policy protects by itself, sorted. */
  readonly protect: readonly ProtectedPart[]
  readonly promptTokens: number
  /** The prompt's tokens, shape [promptTokens]. */
  readonly tokens: Int32Array
  /** The most cells that the sequence will hold. */
  readonly cells: number
  readonly maxTokens: number
  /** Whether the policy needs an engine that reads attention weights. */
  readonly attention: boolean
}

export interface TokenizeOptions {
  /** Whether texts such as `<think>` are recognised as special tokens. Default true. */
  readonly special?: boolean | undefined
  /** Adds the BOS token where the model wants one. Default false. */
  readonly addBos?: boolean | undefined
}

/** Calls that are answered once. */
export interface Calls {
  load: { message: LoadMessage; reply: LoadReply }
  open: { message: OpenMessage; reply: OpenReply }
  plan: { message: { modelId: number; request: GenerateRequest }; reply: PlanReply }
  tokenize: { message: { modelId: number; text: string } & TokenizeOptions; reply: Int32Array }
  detokenize: { message: { modelId: number; tokens: readonly number[] }; reply: string[] }
  tokenBytes: { message: { modelId: number; tokens: readonly number[] }; reply: Uint8Array[] }
  render: { message: { modelId: number; prompt: Prompt }; reply: string }
  layout: { message: { modelId: number; prompt: Prompt; completion: Completion }; reply: TraceLayout }
  closeEngine: { message: { engineId: number }; reply: undefined }
  closeModel: { message: { modelId: number }; reply: undefined }
}
export type CallName = keyof Calls

export type ToEngine =
  | {
      readonly [N in CallName]: { readonly type: N; readonly call: number; readonly message: Calls[N]['message'] }
    }[CallName]
  | {
      readonly type: 'submit'
      readonly engineId: number
      readonly requestId: number
      readonly request: GenerateRequest
    }
  | { readonly type: 'cancel'; readonly engineId: number; readonly requestId: number }
  | { readonly type: 'endThinking'; readonly engineId: number; readonly requestId: number }

export type FromEngine =
  | { readonly type: 'reply'; readonly call: number; readonly reply: unknown }
  | { readonly type: 'failure'; readonly call: number; readonly error: PlainError }
  /** Share of the weights that are read. */
  | { readonly type: 'progress'; readonly call: number; readonly share: number }
  | { readonly type: 'events'; readonly engineId: number; readonly items: readonly EngineItem[] }

/** Something that happened to a request. */
export type EngineItem =
  | { readonly requestId: number; readonly event: GenerateEvent }
  | { readonly requestId: number; readonly error: PlainError }

/** An error that survives the way from one thread to the other, its kind and code included. */
export interface PlainError {
  readonly kind: 'input' | 'engine' | 'bug'
  readonly code: string
  readonly message: string
  readonly details?: Readonly<Record<string, number>> | undefined
  readonly stack?: string | undefined
}

export function toPlainError(error: unknown): PlainError {
  if (error instanceof InputError) {
    return { kind: 'input', code: error.code, message: error.message, details: error.details }
  }
  if (error instanceof EngineError) return { kind: 'engine', code: error.code, message: error.message }
  if (!(error instanceof Error)) return { kind: 'bug', code: 'unknown', message: String(error) }
  return { kind: 'bug', code: error.name, message: error.message, ...(error.stack ? { stack: error.stack } : {}) }
}

export function fromPlainError({ kind, code, message, details, stack }: PlainError): Error {
  if (kind === 'input') return new InputError(code, message, { details: details ?? {} })
  if (kind === 'engine') return new EngineError(code, message)
  const error = new Error(message)
  if (stack) error.stack = stack
  return error
}

/** What an engine or a model says that has been closed: EngineError `engine_closed`, `model_closed`. */
export function closedError(what: 'engine' | 'model'): EngineError {
  return new EngineError(`${what}_closed`, `the ${what} is closed`)
}
