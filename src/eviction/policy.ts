/**
 * What an eviction policy is: what it protects, and a score for the rest. It knows nothing of budgets, windows, top-k or
 * llama.cpp; `select.ts` does the choosing for all policies alike.
 */
import type { z } from 'zod'
import type { Protection } from '../cache/windows.ts'
import type { Calibration } from './calibration.ts'

export type { Calibration, Protection }

/** Signals that the engine must supply; what no policy names costs nothing. */
export type Signal = 'hidden-state' | 'entropy' | 'attention' | 'keys' | 'values' | 'calibration'

/** One token, after the forward pass that consumed it. Its arrays are valid during the call only. */
export interface DecodeStep {
  /** The token's index in the text. */
  readonly position: number
  readonly token: number
  /** Last hidden state after the final norm, shape [d]; only of generated tokens, for policies that need it. */
  readonly hiddenState?: Float32Array
  /**
   * Entropy in nats of the distribution that the token was chosen from: softmax over the model's logits, before any bias, temperature
   * or filter. Of a token that was forced or replayed, the one that it stands in for. Only of generated tokens, for policies that need it.
   */
  readonly entropy?: number
  /**
   * The attention of this token's query; for policies that need it, and only where an eviction can follow within the number
   * of queries that the policy looks at.
   */
  readonly attention?: AttentionRow
}

/** Softmax weights of one query, averaged over all layers and query heads. */
export interface AttentionRow {
  /** The positions that the query saw, its own included, in no certain order. Shape [n]. */
  readonly positions: Int32Array
  /** The weight on each of them, shape [n]. */
  readonly weights: Float32Array
}

/** Cached keys or values of all held cells. */
export interface CachedVectors {
  /** Position of each row, in no certain order. Shape [n]. */
  readonly positions: Int32Array
  /** Numbers of one head. */
  readonly headSize: number
  /**
   * Layer by layer the n rows of (key heads x head size) numbers; each array is valid until the next. Of a quantised cache they are
   * rotated within each head, which leaves products, norms and cosines as they are.
   * @param rows only these of the n, in this order: the fewer, the less time it takes
   */
  readonly layers: (rows?: Int32Array) => Iterable<Float32Array>
  /** As `layers`, without that rotation, which takes time to undo: for what looks at single channels. */
  readonly channels: (rows?: Int32Array) => Iterable<Float32Array>
}

/** Cached keys (after RoPE) of all held cells. */
export interface CachedKeys extends CachedVectors {
  /**
   * For each head the product of each of its vectors in `a`, shape [heads x vectors x size], 256 vectors at most, with its part of each
   * row of `b`, shape [rows x heads x size], as a layer is. Computed by the engine.
   * @param shape `size` of a vector, default `headSize`; `heads`, default 1
   * @returns shape [heads x vectors x rows], valid until the next call
   */
  readonly products: (a: Float32Array, b: Float32Array, shape?: ProductShape) => Float32Array
  /** Lengths and directions of the vectors of `b`, shape [rows x heads x size], as a layer is. Computed by the engine. */
  readonly directions: (b: Float32Array, shape?: ProductShape) => Directions
}

export interface Directions {
  /** Shape [heads x rows]. */
  readonly lengths: Float32Array
  /** Sum of all rows, each vector divided by its length; of zeros nothing. Shape [heads x size]. */
  readonly sum: Float32Array
}

export interface ProductShape {
  readonly size?: number
  readonly heads?: number
}

/** Cached values of all held cells: the rows and the heads in the order of the keys'. */
export type CachedValues = CachedVectors

/** What a cache holds of a sequence, as the engine reads it. */
export interface CachedCells {
  readonly keys: CachedKeys
  readonly values: () => CachedValues
}

/** The cache at an eviction. */
export interface HeldCells {
  /** Positions of all cells, ascending; the candidates are among them. */
  readonly held: Int32Array
  /** How many of the candidates leave. */
  readonly leaving: number
  /** For policies that need keys. */
  readonly keys?: CachedKeys
  /** For policies that need values. */
  readonly values?: CachedValues
}

/** What a policy may know of tokens. */
export interface TokenTexts {
  /** The token that begins a text, negative if the model has none. */
  readonly bos: number
  /** The text of a token; characters that it has only a part of are replaced. */
  textOf(token: number): string
}

/** Estimates importance for tokens whose hidden states were pushed; see `predictor/deferred-scorer.ts`. */
export interface ImportanceScorer {
  /** Stores the last hidden state, shape [d], of the token at `position`. */
  push(position: number, hiddenState: Float32Array): void
  /** Predicted importance of each position, in the given order. Throws if one was never pushed. */
  scores(positions: Int32Array): Float32Array
}

/** What a policy may use of its sequence; made once for each sequence. */
export interface PolicyContext {
  /** M: cells of the prompt; positions 0..M-1 are the question. */
  readonly promptCells: number
  /** Seed of the sequence. */
  readonly seed: number
  readonly vocabulary: TokenTexts
  /** The importance predictor, for policies that need hidden states. */
  readonly importance?: ImportanceScorer
  /** What was measured of the model, for policies that need it. */
  readonly calibration?: Calibration
}

/** A policy at work on one sequence. */
export interface EvictionPolicy {
  /** Called once for every token that was consumed, in order: the prompt's, then the generated ones. */
  observe?(step: DecodeStep): void
  /**
   * One score for each candidate; the highest stay, and of equal scores the newer token stays. -Infinity is allowed, NaN
   * is not.
   * @param candidates positions, ascending
   */
  score(candidates: Int32Array, cells: HeldCells): Float32Array
}

/** An entry of the registry: everything that the command line, the engine and the evaluation know of a policy. */
export interface PolicyDefinition<Options extends z.ZodObject = z.ZodObject> {
  readonly name: string
  /** The file that a user's policy was loaded from. */
  readonly file?: string
  /** Of that file and all that it imports by relative paths, when they were loaded (`policySource`). */
  readonly hash?: string
  /** One line for help texts. */
  readonly summary: string
  /** False for the full cache: nothing is ever evicted. */
  readonly evicts: boolean
  readonly needs: ReadonlySet<Signal>
  /** Whether its score is the position: it says of a token only how old it is. Default: false. */
  readonly byAge?: boolean
  /** How many of the last queries before an eviction it looks at, if it needs attention. Default: all, the prompt's too. */
  queries?(options: z.output<Options>): number
  /** Options of this policy alone, with defaults and descriptions. */
  readonly options: Options
  protects(options: z.output<Options>): Protection
  create(options: z.output<Options>, context: PolicyContext): EvictionPolicy
}
