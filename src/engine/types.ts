/**
 * What goes into the engine and what comes out of it: plain data, so that it can cross from thread to thread.
 */
import type { Occupancy } from '../cache/sequence-cells.ts'
import type { ProtectedPart } from '../eviction/protect.ts'
import type { ChatMessage, JsonSchema, SamplingSettings, TemplateVariables, ToolDefinition } from '../llama/index.ts'
import type { Phase } from './reasoning-phase.ts'

/** What to generate from. */
export type Prompt =
  | {
      readonly messages: readonly ChatMessage[]
      /** Functions that the model may call, told by its template; what it answers then is for the caller to read. */
      readonly tools?: readonly ToolDefinition[] | undefined
      readonly enableThinking?: boolean | undefined
      /** What the template is given besides, in addition to the model's `templateVariables`. */
      readonly templateVariables?: TemplateVariables | undefined
      /** Special tokens and tags that a user's or a tool's message spells stay text. Default false: the messages are the caller's own. */
      readonly isUntrusted?: boolean | undefined
      /** The model's turn as far as it is given: it goes on from there. */
      readonly begun?: BegunTurn | undefined
    }
  /** Text as the model gets it, special tokens included; no template is applied. */
  | { readonly text: string }
  | { readonly tokens: readonly number[] }

/** What of the model's turn stands before what it generates. */
export interface BegunTurn {
  /** Goes on, if there is no answer. */
  readonly thinking?: string | undefined
  readonly answer?: string | undefined
}

export interface GenerateRequest {
  readonly prompt: Prompt
  /** Name of an eviction policy, or a file. Default: what the predictor recommends, else `dynts-diverse`; `question-window` without a predictor. */
  readonly policy?: string | undefined
  /** The hash of the policy file that is meant, as evaluation records have it: another content is refused. Default: any. */
  readonly policyHash?: string | undefined
  /** Default, of each: the predictor's recommendation (`diversity`), else the policy's own. */
  readonly policyOptions?: Readonly<Record<string, unknown>> | undefined
  /** What is protected additionally to what the policy protects by itself. `policy: 'h2o+question'` means the same. */
  readonly protect?: readonly ProtectedPart[] | undefined
  /** B, in cells; at most the engine's. Default: the predictor's recommendation, else 4096. */
  readonly budget?: number | undefined
  /** W_l, in cells. Default: the predictor's recommendation, else 1024 (a quarter of a budget below 2048). */
  readonly localWindow?: number | undefined
  /** Share of the selection window that is kept. Default: the predictor's recommendation, else 0.4. */
  readonly ratio?: number | undefined
  /** K: so many cells leave at every eviction. Instead of `ratio`. */
  readonly evictEvery?: number | undefined
  /** So many parts of the candidates, by position, keep their share of a half of those that stay: 2 or more. Default: none does. */
  readonly segments?: number | undefined
  /**
   * Share of the budget, above 0 and below 1: so many of the candidates, those of the largest values, stay whatever they score. Against
   * loops; VaSE has 0.25. Default: none.
   */
  readonly valueReserve?: number | undefined
  /** What differs from `defaultSampling`. */
  readonly sampling?: { readonly [K in keyof SamplingSettings]?: SamplingSettings[K] | undefined } | undefined
  readonly seed?: number | undefined
  /** The most tokens to generate. Default 16,384. */
  readonly maxTokens?: number | undefined
  /** After this many thinking tokens the thinking is closed and the model answers. */
  readonly thinkingBudget?: number | undefined
  /** The thinking is closed while this many tokens of `maxTokens` are left for the answer. */
  readonly answerReserve?: number | undefined
  /** Closes a thinking that ends in exact repetition: the same tokens three times or more, 64 tokens at least. */
  readonly stopLoops?: boolean | undefined
  /** What a thinking says last that is closed by one of these three. Default: nothing. */
  readonly wrapUp?: string | undefined
  /** Texts that end the answer; they are not part of it. */
  readonly stop?: readonly string[] | undefined
  /**
   * Whether cells of prompts that this engine has read before are copied. Default `exact`: of an equal prompt, which changes not one bit.
   * `prefix`: also of one that begins alike, as the last turn of a conversation does, which may round differently.
   */
  readonly promptReuse?: PromptReuse | undefined
  /** Only requests of the same scope share prompts: how long a prompt takes tells whether it was asked before. Default: one for all. */
  readonly promptScope?: string | undefined
  /** Cells of the prompt that leave while it is read. Default: none. Only under a policy that never evicts. */
  readonly promptEviction?: PromptEviction | undefined
  /** Tells how likely the model held each generated token, and so many of its alternatives (0 to 20). Default: it does not. */
  readonly logprobs?: number | undefined
  /**
   * Tells how likely the model held each token of the prompt but the first, and so many of its alternatives (0 to 20), in `PromptEvent`s.
   * Nothing of the prompt is copied then, and `maxTokens` may be 0: only the prompt is read. Default: it does not.
   */
  readonly promptLogprobs?: number | undefined
  /** Whether each piece of the prompt that is read is told (`PromptEvent`). Default false. */
  readonly promptProgress?: boolean | undefined
  /** Whether each eviction tells what the policy judged, and the scores (`EvictionEvent.scored`). Default false. */
  readonly evictionScores?: boolean | undefined
  /** Pairs of token and what is added to its logit, -100 to 100, at most 1024; -100 bans the token. */
  readonly logitBias?: readonly (readonly [token: number, bias: number])[] | undefined
  /** Bans the tokens that end a generation, so that `maxTokens` are generated, whatever the model has to say: for measurements. */
  readonly ignoreEos?: boolean | undefined
  /**
   * JSON schema of the answer, which is then JSON that fits it; the thinking is free. A model that can think is made to: without a
   * thinking it is not known where the answer begins. One that would end within its thinking goes on to the answer. Not with `replay`.
   */
  readonly answerSchema?: JsonSchema | undefined
  /**
   * The answer is calls of functions of the prompt's `tools`, as the model was trained to write them, with arguments that fit their schemas;
   * with `answerSchema`: calls, or JSON that fits it. Of the thinking, as there.
   */
  readonly answerCalls?: AnswerCalls | undefined
  /**
   * Replay (teacher forcing): these tokens are fed instead of sampled ones, to the end, whatever they are. The result
   * carries the log-probability of each.
   */
  readonly replay?: string | readonly number[] | undefined
}

export interface AnswerCalls {
  /** Names of those that may be called. Default: all. */
  readonly functions?: readonly string[] | undefined
  /** The most calls, 1 to 64. Default 1. */
  readonly most?: number | undefined
}

/** What is read behind it does not see the cells that left; the positions of the others do not change. */
export interface PromptEviction {
  /** How many of the prompt's tokens have been read when it happens: 1 to all but the last. */
  readonly at: number
  /** Positions below `at`, ascending. Position `at - 1` leaves one token later: the next token has to follow a held one. */
  readonly leaving: readonly number[]
}

export type PromptReuse = 'exact' | 'prefix' | 'none'

export type FinishReason = 'stop' | 'length' | 'cancelled'

/**
 * Who closed the thinking: the model itself, a limit of the request, or the caller by `endThinking`; `unclosed`: nobody did before the
 * generation ended. In a turn that thinks several times, the last one.
 */
export type ThinkingEnd = 'model' | 'caller' | 'thinking-budget' | 'answer-reserve' | 'loop' | 'unclosed'

export interface CacheReport extends Occupancy {
  readonly policy: string
  /** Recommended ones and the policy's defaults included. */
  readonly policyOptions: Readonly<Record<string, unknown>>
  /** What was protected beyond what the policy protects by itself, sorted; empty for one that never evicts. */
  readonly protect: readonly ProtectedPart[]
  /** null: the full cache, unbounded. */
  readonly budget: number | null
  readonly localWindow: number | null
  /** null: the full cache, or `evictEvery` says how many leave. */
  readonly ratio: number | null
  /** null: the full cache, or `ratio` says how many leave. */
  readonly evictEvery: number | null
  /** null: no part of the text keeps a share of its own. */
  readonly segments: number | null
  /** null: no cells stay for their values. */
  readonly valueReserve: number | null
  /** Keys and values of one token in all layers. */
  readonly bytesPerCell: number
  /** What the most cells that it held take. */
  readonly peakBytes: number
  /** Of this sequence, a multiple of 256; layers with a sliding window may have fewer. */
  readonly allocatedCells: number
  /** What was allocated for this sequence. */
  readonly allocatedBytes: number
  readonly compactions: number
  /** Whether answer cells had to leave because too few thinking cells were left. */
  readonly degraded: boolean
}

/** Milliseconds of wall time; what a sequence shares with others in a batch is counted in full. */
export interface TimingReport {
  readonly prefillMs: number
  /** From the first decode step to the last, everything included: sampling, scoring, evictions. */
  readonly decodeMs: number
  /** Forward passes alone, those of the prompt included: what the paper's throughput counts. */
  readonly forwardMs: number
  /** Scoring that an eviction waits for included. */
  readonly evictionMs: number
  readonly scoringMs: number
  /** Generated tokens per second of `decodeMs`. */
  readonly tokensPerSecond: number
}

export interface UsageReport {
  readonly promptTokens: number
  /** How many of them were copied from an equal prompt that was read before. */
  readonly cachedPromptTokens: number
  /** Tokens between the tags. */
  readonly thinkingTokens: number
  /** All other generated tokens, the tags and the end token included. */
  readonly answerTokens: number
}

export interface GenerateResult {
  /** All generated text, tags included. */
  readonly text: string
  readonly thinking: string
  readonly answer: string
  readonly finishReason: FinishReason
  /** null: there was no thinking. */
  readonly thinkingEnd: ThinkingEnd | null
  /** Which of the request's stop texts ended the answer; null: none did. */
  readonly stopText: string | null
  readonly usage: UsageReport
  readonly cache: CacheReport
  readonly timing: TimingReport
  readonly seed: number
  /** The prompt's tokens and then the generated ones. */
  readonly tokens: readonly number[]
  /** Under replay: log-probability of every token of the continuation. */
  readonly logprobs?: readonly number[] | undefined
}

/** The request was accepted; what it will be carried out with. */
export interface StartEvent {
  readonly type: 'start'
  readonly policy: string
  /** As in `CacheReport`. */
  readonly protect: readonly ProtectedPart[]
  readonly promptTokens: number
  /** Already limited by the model's trained context. */
  readonly maxTokens: number
  readonly seed: number
  /** null: the full cache, unbounded. */
  readonly budget: number | null
  readonly localWindow: number | null
  /** As in `CacheReport`. */
  readonly ratio: number | null
  readonly evictEvery: number | null
  /** K: the cells that leave at every eviction. */
  readonly leaving: number | null
}

/** If the request asked for it: a piece of the prompt was read. */
export interface PromptEvent {
  readonly type: 'prompt'
  /** Tokens of the prompt. */
  readonly total: number
  /** How many of them were copied instead of read. */
  readonly cached: number
  /** Copied or read by now. */
  readonly processed: number
  /** Milliseconds of wall time since its first piece was begun. */
  readonly ms: number
  /** With `promptLogprobs`: of the tokens that follow those of the events before; those of all events are the prompt's without its first. */
  readonly odds?: readonly TokenOddsReport[] | undefined
}

export interface TokenEvent {
  readonly type: 'token'
  /**
   * null: only text. It had been held back, because it might have been part of a tag or a stop text; or it is that of several
   * tokens that nobody had read.
   */
  readonly token: number | null
  readonly position: number
  readonly phase: Phase
  /** Text that became certain with this token; it may be empty. */
  readonly text: string
  /** Cells held by the sequence. */
  readonly cells: number
  /** Of the token, where there is one; they need not be whole characters. */
  readonly bytes?: Uint8Array | undefined
  /** Whether a tag ends within the token, or it ends the generation. */
  readonly isTag?: boolean | undefined
  /** If the request asked for it; of the token, where there is one. */
  readonly odds?: TokenOddsReport | undefined
}

/** How likely the model held a token: natural logarithms of softmax over its logits, before any bias, temperature or filter. */
export interface TokenOddsReport {
  readonly logprob: number
  /** The bytes of the token, which need not be whole characters. */
  readonly bytes: Uint8Array
  /** The likeliest first. */
  readonly top: readonly { readonly token: number; readonly logprob: number; readonly bytes: Uint8Array }[]
}

export interface PhaseEvent {
  readonly type: 'phase'
  readonly phase: Phase
}

export interface EvictionEvent {
  readonly type: 'eviction'
  /** Generated tokens consumed so far. */
  readonly step: number
  /** Cells before it. */
  readonly before: number
  /** Positions after it, ascending. */
  readonly kept: Int32Array
  readonly evicted: number
  /** Positions that left, ascending, shape [evicted]. */
  readonly leaving: Int32Array
  /** If the request asked for it: positions that the policy judged, ascending, and the score of each, shapes [n]. */
  readonly scored?: { readonly positions: Int32Array; readonly scores: Float32Array } | undefined
  readonly compacted: boolean
}

export interface FinishEvent {
  readonly type: 'finish'
  readonly result: GenerateResult
}

export type GenerateEvent = StartEvent | PromptEvent | PhaseEvent | TokenEvent | EvictionEvent | FinishEvent
