/**
 * What the decode loop needs of a model and its cache. `LlamaContext` and its vocabulary are the real ones; tests have a
 * fake that runs in microseconds.
 */
import type { CacheSettings } from '../cache/budget.ts'
import type { CellStore } from '../cache/sequence-cells.ts'
import type { SamplingSettings, TemplateVariables, ThinkingTags } from '../llama/index.ts'
import type { AttentionRow, CachedCells, Calibration, ImportanceScorer } from '../eviction/policy.ts'

/** A KV cache with cells of its own for each sequence, and the forward pass over it. */
export interface ForwardPass extends CellStore {
  readonly cellsPerSequence: number
  readonly sequences: number
  readonly flashAttention: boolean
  readonly usesGpu: boolean
  /** Whether a sequence can be saved and restored. */
  readonly canRestore: boolean
  /** Whether a sequence that is saved and restored computes the same, to the bit. */
  readonly restoresExactly: boolean
  /** The most tokens of one forward pass. */
  readonly batchTokens: number
  /** The most tokens of one pass that give an output each. */
  readonly outputRows: number
  /** Whether attention weights can be asked for. */
  readonly readsAttention: boolean
  /**
   * Appends consecutive tokens, `batchTokens` at most, to one sequence. With `last`, row 0 holds the output of the last token; with `all`
   * row i that of token i, hidden states included, of `outputRows` tokens at most.
   * @param attentionRows of how many of the last tokens the attention is read: they are its rows 0 .. attentionRows - 1
   */
  append(
    sequenceId: number,
    tokens: ArrayLike<number>,
    start: number,
    output: 'none' | 'last' | 'all',
    attentionRows?: number,
  ): void
  /**
   * One new token in each of several sequences; row i of the output belongs to entry i.
   * @param attention for each entry whether its attention is read
   */
  decode(
    batch: { tokens: ArrayLike<number>; positions: ArrayLike<number>; sequenceIds: ArrayLike<number> },
    hiddenStates: boolean,
    attention: readonly boolean[],
  ): void
  /** Waits until the last pass is computed, for times to be right: a GPU goes on after `append` and `decode` have returned. */
  synchronize(): void
  /** Shape [vocabulary size]; valid until the next pass. */
  logits(row: number): Float32Array
  /** log softmax of a row's logits, of one token. */
  logprob(row: number, token: number): number
  /** Shape [d]; valid until the next pass. */
  hiddenState(row: number): Float32Array
  /** Attention of a row that was asked for; valid until the next call, and only before its sequence's cells change. */
  attention(row: number): AttentionRow
  /** The cached keys and values of a sequence; valid until its cells change, or those of another are read. */
  cached(sequenceId: number): CachedCells
  /** A copy of all cells of a sequence. */
  save(sequenceId: number): Uint8Array
  /** The fewest of its first tokens that a copy can be shortened to after it is restored; Infinity: to none. */
  shortestPrefix(state: Uint8Array): number
  /** Replaces a sequence's cells by a copy that `save` made of any sequence. */
  restore(sequenceId: number, state: Uint8Array): void
}

/** Draws tokens for one sequence. */
export interface TokenSampler {
  sample(row: number): number
  /**
   * Draws a token of the answer that the grammar allows. @param begun text of the answer that was there before the first call
   * @throws EngineError `constraint_stuck`
   */
  sampleAnswer?(row: number, begun: string): number
  /** Notes a token that was not drawn here. */
  accept(token: number): void
  dispose(): void
}

export interface Vocabulary {
  readonly size: number
  readonly bos: number
  readonly eos: number
  readonly addsBos: boolean
  isToken(token: number): boolean
  endsGeneration(token: number): boolean
  tokenize(text: string, options?: { special?: boolean; addBos?: boolean }): Int32Array
  tokenizeContinuation(text: string, options?: { special?: boolean }): Int32Array
  piece(token: number): Uint8Array
  /** How the special tokens are spelled: control tokens, and those that a model's makers added. */
  readonly specialTexts: readonly string[]
}

/** Everything about a model that is needed to prepare a request. */
export interface ModelFacts {
  readonly vocab: Vocabulary
  /** The most positions that the model was trained for. */
  readonly trainedContext: number
  /** Jinja text; undefined: a question is given to the model as it is. */
  readonly chatTemplate: string | undefined
  /** What its template is given besides. */
  readonly templateVariables?: TemplateVariables | undefined
  readonly thinkingTags: ThinkingTags
  /** Why cells cannot be removed one by one, or undefined if they can. */
  readonly notEvictable: string | undefined
  /** Why attention weights and cached keys cannot be read, or undefined if they can. */
  readonly notReadable: string | undefined
  /** Why cached values cannot be read, where keys can. */
  readonly valuesNotReadable?: string | undefined
  /** Whether there is an importance predictor for it. */
  readonly hasPredictor: boolean
  /** Whether it has been calibrated. */
  readonly hasCalibration: boolean
  readonly recommended: RecommendedSettings
}

/** Policy, its weight of diversity, and cache settings that the predictor's checkpoint recommends. */
export interface RecommendedSettings extends Partial<Record<keyof CacheSettings, number | undefined>> {
  readonly policy?: string | undefined
  /** Of `dynts-diverse`. */
  readonly diversity?: number | undefined
}

/** Everything about a model that the loop uses, apart from its cache. */
export interface LoopModel extends ModelFacts {
  /** What was measured of it, if it has been calibrated. */
  readonly calibration?: Calibration | undefined
  /** @param grammar of the answer, in GBNF */
  createSampler(settings: SamplingSettings, seed: number, grammar?: string): TokenSampler
  /** The importance predictor at work on one sequence; only for a model that has one. */
  createScorer(): ImportanceScorer & { readonly scoringMs: number }
}
