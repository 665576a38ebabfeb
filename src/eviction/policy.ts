/**
 * What an eviction policy is: what it protects, and a score for the rest. It knows nothing of budgets, windows, top-k or
 * llama.cpp; `select.ts` does the choosing for all policies alike.
 */
import type { z } from 'zod'
import type { Protection } from '../cache/windows.ts'

export type { Protection }

/** Signals that the engine must supply; what no policy names costs nothing. */
export type Signal = 'hidden-state' | 'attention' | 'keys'

/** One generated token, after the forward pass that consumed it. */
export interface DecodeStep {
  /** The token's index in the text. */
  readonly position: number
  readonly token: number
  /** Last hidden state after the final norm, shape [d]; only for policies that need it. Valid during the call only. */
  readonly hiddenState?: Float32Array
}

/** Estimates importance for tokens whose hidden states were pushed; see `predictor/deferred-scorer.ts`. */
export interface ImportanceSource {
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
  /** The importance predictor, for policies that need hidden states. */
  readonly importance?: ImportanceSource
}

/** A policy at work on one sequence. */
export interface EvictionPolicy {
  /** Called once for every generated token that was consumed, in order. */
  observe?(step: DecodeStep): void
  /**
   * One score for each candidate; the highest stay, and of equal scores the newer token stays. -Infinity is allowed, NaN
   * is not.
   * @param candidates positions, ascending
   */
  score(candidates: Int32Array): Float32Array
}

/** An entry of the registry: everything that the command line, the engine and the evaluation know of a policy. */
export interface PolicyDefinition<Options extends z.ZodObject = z.ZodObject> {
  readonly name: string
  /** One line for help texts. */
  readonly summary: string
  /** False for the full cache: nothing is ever evicted. */
  readonly evicts: boolean
  readonly needs: ReadonlySet<Signal>
  /** Options of this policy alone, with defaults and descriptions. */
  readonly options: Options
  protects(options: z.output<Options>): Protection
  create(options: z.output<Options>, context: PolicyContext): EvictionPolicy
}
