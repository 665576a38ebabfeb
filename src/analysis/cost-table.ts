/**
 * What a bounded cache costs and saves at each eviction, and over a whole generation: operations, bytes, and milliseconds where
 * reading the memory is all that takes time.
 *
 * Source: arXiv 2601.18383, section 5 and appendix A, whose operations these are; bytes and milliseconds are this project's.
 */
import { planEviction, type CacheSettings, type EvictionPlan } from '../cache/budget.ts'
import { scoringBlockLength } from '../predictor/index.ts'
import {
  boundedCells,
  breakEvenLeaving,
  evictionPoints,
  evictionsUntil,
  firstGain,
  gainFlops,
  paperFlopsPerCell,
  predictorFlops,
  predictorWeights,
} from './cost-model.ts'
import { attentionFlops, cacheBytesRead, type CostShape } from './cost-shape.ts'
import { breakEvenAtOnce, breakEvenDeferred, deferredBytesPerToken } from './predictor-bytes.ts'

export interface CostSettings extends CacheSettings {
  /** M. */
  readonly promptCells: number
  /** Tokens of prompt and generation. */
  readonly textLength: number
  /** Sequences in a step, all of this length. */
  readonly sequences: number
  /** Bytes a second. */
  readonly bandwidth?: number | undefined
}

/** The same quantity with the full cache and with the bounded one. */
export interface FullAndBounded {
  readonly full: number
  readonly bounded: number
  /** bounded / full */
  readonly ratio: number
}

/** The step after which a sequence has `tokens` tokens, an eviction included. */
export interface CostPoint {
  /** M + i. */
  readonly tokens: number
  /** n. */
  readonly evictions: number
  /** Whether the step ends with an eviction. */
  readonly evicts: boolean
  readonly cells: FullAndBounded
  /** Theorem 5.1: with 4Ld operations for a cell, and with those of the model's own heads and windows. */
  readonly gain: { readonly paper: number; readonly counted: number }
  /** One sequence: the matrices, the model's own heads, and the predictor. */
  readonly flops: FullAndBounded
  /** All sequences: weights once, each cell of each sequence, and the predictor, deferred. */
  readonly bytes: FullAndBounded
  /** The same with the predictor's weights read at each step. */
  readonly bytesAtOnce: FullAndBounded
  /** Null without a bandwidth. */
  readonly ms: FullAndBounded | null
  readonly msAtOnce: FullAndBounded | null
}

/** K above which a step after n evictions saves something. */
export interface BreakEven {
  readonly evictions: number
  /** In operations, with 4Ld for a cell (Corollary 5.2). */
  readonly paper: number
  /** In operations, with the model's own heads, of the layers without a window; so are the bytes. */
  readonly counted: number
  /** In bytes, each token scored at once. */
  readonly bytesAtOnce: number
  readonly bytesDeferred: number
}

/** K for a prompt of M tokens. */
export interface PromptPoint {
  readonly promptCells: number
  readonly selectionWindow: number
  readonly leaving: number
  /** Evictions until a step saves operations, with 4Ld for a cell. */
  readonly firstGain: number
}

/** Sums over all generated tokens of one sequence. */
export interface GenerationCosts {
  readonly steps: number
  readonly flops: FullAndBounded
  /** With deferred scoring: tokens that no eviction asks for are not scored. */
  readonly flopsDeferred: FullAndBounded
  /** Bytes of all sequences, the weights once for each step. */
  readonly bytes: FullAndBounded
  readonly bytesAtOnce: FullAndBounded
  readonly seconds: FullAndBounded | null
  /** Tokens that are scored if scoring is deferred. */
  readonly scoredTokens: number
}

export interface CostTable {
  readonly plan: EvictionPlan
  readonly predictorFlops: number
  /** Float32, as dynts computes it. */
  readonly predictorBytes: number
  /** The most tokens that are scored together. */
  readonly blockLength: number
  readonly paperFlopsPerCell: number
  readonly breakEven: readonly BreakEven[]
  /** Before the first eviction, at each (at 24 of them if there are more), and at the end. */
  readonly points: readonly CostPoint[]
  readonly byPrompt: readonly PromptPoint[]
  readonly generation: GenerationCosts
}

const somePrompts = [0, 64, 128, 256, 512, 1024, 2048, 4096]
const someEvictions = [1, 2, 3, 4, 5, 6]
const mostPoints = 24

/** @throws InputError of `planEviction` for settings that no sequence could run under */
export function costTable(shape: CostShape, settings: CostSettings): CostTable {
  const { hiddenSize, flopsPerCell, bytesPerCell } = shape
  const { budget, localWindow, promptCells, textLength } = settings
  const plan = planEviction(settings, promptCells)
  const paper = paperFlopsPerCell(shape)
  const predictorBytes = 4 * predictorWeights(hiddenSize)
  const blockLength = scoringBlockLength(hiddenSize)
  const costs = new StepCosts(shape, settings, plan.leaving)
  const evictions = spaced(evictionPoints(textLength, budget, plan.leaving), mostPoints)
  const ends = [Math.min(budget, textLength + 1) - 1, ...evictions, textLength].filter((tokens) => tokens > promptCells)
  const prompts = [...somePrompts, promptCells, budget - localWindow - 1]
  return {
    plan,
    predictorFlops: predictorFlops(hiddenSize),
    predictorBytes,
    blockLength,
    paperFlopsPerCell: paper,
    breakEven: someEvictions.map((n) => ({
      evictions: n,
      paper: breakEvenLeaving(n, paper, hiddenSize),
      counted: breakEvenLeaving(n, flopsPerCell, hiddenSize),
      bytesAtOnce: breakEvenAtOnce(n, bytesPerCell, predictorBytes),
      bytesDeferred: breakEvenDeferred(n, bytesPerCell, predictorBytes, blockLength),
    })),
    points: unique(ends).map((tokens) => costs.at(tokens)),
    byPrompt: unique(prompts)
      .filter((cells) => cells < budget - localWindow)
      .map((cells) => {
        const { selectionWindow, leaving } = planEviction(settings, cells)
        return { promptCells: cells, selectionWindow, leaving, firstGain: firstGain(leaving, paper, hiddenSize) }
      }),
    generation: costs.ofGeneration(),
  }
}

/** Costs of single steps under fixed settings. */
class StepCosts {
  readonly #shape: CostShape
  readonly #settings: CostSettings
  readonly #leaving: number
  readonly #predictorBytes: number
  readonly #blockLength: number

  constructor(shape: CostShape, settings: CostSettings, leaving: number) {
    this.#shape = shape
    this.#settings = settings
    this.#leaving = leaving
    this.#predictorBytes = 4 * predictorWeights(shape.hiddenSize)
    this.#blockLength = scoringBlockLength(shape.hiddenSize)
  }

  at(tokens: number): CostPoint {
    const { hiddenSize, weightBytes } = this.#shape
    const { budget, sequences } = this.#settings
    const leaving = this.#leaving
    const evictions = evictionsUntil(tokens, budget, leaving)
    const cells = boundedCells(tokens, budget, leaving)
    const bytes = (count: number) => weightBytes + sequences * cacheBytesRead(this.#shape, count)
    // Each sequence scores its own block; tokens that are scored at once share one pass over the weights.
    const deferred = sequences * deferredBytesPerToken(leaving, this.#predictorBytes, this.#blockLength)
    const both = pairOf(bytes(tokens), bytes(cells) + deferred)
    const atOnce = pairOf(bytes(tokens), bytes(cells) + this.#predictorBytes)
    return {
      tokens,
      evictions,
      evicts: tokens === budget + (evictions - 1) * leaving,
      cells: pairOf(tokens, cells),
      gain: {
        paper: gainFlops(evictions, leaving, paperFlopsPerCell(this.#shape), hiddenSize),
        counted: this.#flops(tokens) - this.#flops(cells) - predictorFlops(hiddenSize),
      },
      flops: pairOf(this.#flops(tokens), this.#flops(cells) + predictorFlops(hiddenSize)),
      bytes: both,
      bytesAtOnce: atOnce,
      ms: this.#time(both, 1000),
      msAtOnce: this.#time(atOnce, 1000),
    }
  }

  /** Step by step: sums of what `at` says of each, but blocks are counted as they are scored. */
  ofGeneration(): GenerationCosts {
    const { hiddenSize, weightBytes } = this.#shape
    const { budget, sequences, promptCells, textLength } = this.#settings
    const steps = textLength - promptCells
    const attention = { full: 0, bounded: 0 }
    const read = { full: 0, bounded: 0 }
    let [pending, scored, blocks, held] = [0, 0, 0, promptCells]
    for (let tokens = promptCells + 1; tokens <= textLength; tokens++) {
      held++
      pending++
      const evicts = held === budget
      if (evicts) held -= this.#leaving
      if (evicts || pending === this.#blockLength) {
        scored += pending
        pending = 0
        blocks++
      }
      for (const [which, cells] of [
        ['full', tokens],
        ['bounded', held],
      ] as const) {
        attention[which] += attentionFlops(this.#shape, cells)
        read[which] += cacheBytesRead(this.#shape, cells)
      }
    }
    const matrices = 2 * steps * this.#shape.matrixElements
    const flops = { full: matrices + attention.full, bounded: matrices + attention.bounded }
    const full = steps * weightBytes + sequences * read.full
    const bounded = steps * weightBytes + sequences * read.bounded
    const both = pairOf(full, bounded + sequences * blocks * this.#predictorBytes)
    return {
      steps,
      flops: pairOf(flops.full, flops.bounded + steps * predictorFlops(hiddenSize)),
      flopsDeferred: pairOf(flops.full, flops.bounded + scored * predictorFlops(hiddenSize)),
      bytes: both,
      bytesAtOnce: pairOf(full, bounded + steps * this.#predictorBytes),
      seconds: this.#time(both, 1),
      scoredTokens: scored,
    }
  }

  #flops(cells: number): number {
    return 2 * this.#shape.matrixElements + attentionFlops(this.#shape, cells)
  }

  #time({ full, bounded }: FullAndBounded, perSecond: number): FullAndBounded | null {
    const { bandwidth } = this.#settings
    if (bandwidth === undefined) return null
    return pairOf((full / bandwidth) * perSecond, (bounded / bandwidth) * perSecond)
  }
}

function pairOf(full: number, bounded: number): FullAndBounded {
  return { full, bounded, ratio: bounded / full }
}

/** At most `most` of the values, evenly spaced, the first and the last among them. */
function spaced(values: readonly number[], most: number): number[] {
  if (values.length <= most) return [...values]
  return Array.from({ length: most }, (_, k) => values[Math.round((k * (values.length - 1)) / (most - 1))] ?? NaN)
}

function unique(values: readonly number[]): number[] {
  return [...new Set(values)].sort((a, b) => a - b)
}
