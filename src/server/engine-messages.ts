/** What the HTTP process and the engine process say to each other. Plain data only. */
import type { GenerateEvent, GenerateRequest, Prompt } from '../engine/types.ts'
import type { PlanReply, PlainError, TokenizeOptions } from '../engine/protocol.ts'
import type { KvType, GpuChoice, TemplateVariables, ThinkingTags } from '../llama/index.ts'

/** What the engine process loads. */
export interface HostOptions {
  readonly model: string
  readonly predictor?: string | false | undefined
  readonly calibration?: string | undefined
  readonly gpu: GpuChoice
  readonly gpuLayers?: number | undefined
  readonly threads?: number | undefined
  readonly offline?: boolean | undefined
  readonly chatTemplate?: string | undefined
  readonly templateVariables?: TemplateVariables | undefined
  readonly thinkingTags?: Pick<ThinkingTags, 'open' | 'close'> | undefined
  readonly kvType: KvType
  readonly slots: number
  /** Cells of each slot. */
  readonly cells: number
  readonly attention: boolean
  /** The most bytes of saved prompts. */
  readonly promptStateBytes: number
}

/** What is known once the engine is there. */
export interface EngineFacts {
  /** Cells of each slot, after llama.cpp's rounding. */
  readonly cells: number
  readonly bytesPerCell: number
  readonly cacheBytes: number
  readonly backend: string
  readonly threads: number
  /** What the process has grown by: what the system has given it of the memory that the model and the engine were promised. */
  readonly grownBytes: number
  /** llama.cpp's version. */
  readonly release: string
  /** Why this model's cache cannot be bounded. */
  readonly notEvictable?: string | undefined
  readonly gpuProblem?: string | undefined
}

/** Calls that are answered once. */
export interface HostCalls {
  plan: { message: GenerateRequest; reply: PlanReply }
  tokenize: { message: { readonly text: string } & TokenizeOptions; reply: Int32Array }
  detokenize: { message: readonly number[]; reply: string[] }
  tokenBytes: { message: readonly number[]; reply: Uint8Array[] }
  render: { message: Prompt; reply: string }
}
export type HostCall = keyof HostCalls

export type ToHost =
  | { readonly type: 'load'; readonly options: HostOptions }
  | {
      readonly [N in HostCall]: { readonly type: N; readonly call: number; readonly message: HostCalls[N]['message'] }
    }[HostCall]
  | { readonly type: 'submit'; readonly id: string; readonly request: GenerateRequest }
  | { readonly type: 'cancel'; readonly id: string }
  | { readonly type: 'endThinking'; readonly id: string }
  | { readonly type: 'close' }

/** What happened to a generation. */
export type HostItem =
  { readonly id: string; readonly event: GenerateEvent } | { readonly id: string; readonly error: PlainError }

export type FromHost =
  | { readonly type: 'progress'; readonly share: number }
  | { readonly type: 'ready'; readonly facts: EngineFacts }
  | { readonly type: 'loadFailed'; readonly error: PlainError }
  | { readonly type: 'reply'; readonly call: number; readonly reply: unknown }
  | { readonly type: 'failure'; readonly call: number; readonly error: PlainError }
  /** In the order in which they came: those of a step of the engine in one message. */
  | { readonly type: 'events'; readonly items: readonly HostItem[] }
  /** How long ago the engine's thread gave its last sign of life, while it has work. */
  | { readonly type: 'heartbeat'; readonly silentMs: number }
