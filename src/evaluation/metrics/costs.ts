/**
 * What answers cost: their length, cells, bytes and time. Does not know whether they are right.
 */
import { InputError } from '../../errors.ts'
import { estimate, itemMeans, type Estimate, type EstimateOptions } from './estimate.ts'

export interface SampleCosts {
  readonly item: string
  /** Cut off by the most tokens before its end. */
  readonly truncated: boolean
  /** It ended in a loop (`isLoop`). */
  readonly looped: boolean
  readonly thinkingTokens: number
  /** Thinking and answer, the end token included. */
  readonly generatedTokens: number
  /** From the first token of the prompt to the end, all work included; what is shared with others in a batch counts in full. */
  readonly wallMs: number
  /** Forward passes alone; null: not measured. */
  readonly forwardMs: number | null
  /** Mean over the steps of this sample. */
  readonly meanCells: number
  readonly peakCells: number
  readonly peakBytes: number
}

export interface CostSummary {
  /** Shares. */
  readonly truncated: Estimate
  readonly looped: Estimate
  readonly thinkingTokens: Estimate
  readonly meanCells: Estimate
  /** Mean of the samples' peaks. */
  readonly peakCells: Estimate
  readonly peakBytes: Estimate
  /** The most that any sample held. */
  readonly highestCells: number
  readonly highestBytes: number
}

/**
 * Each number is a mean over an item's samples, then over items.
 * @throws InputError `no_samples`
 */
export function costSummary(samples: readonly SampleCosts[], options: EstimateOptions = {}): CostSummary {
  const of = (value: (sample: SampleCosts) => number) => estimate(itemMeans(samples, value), options)
  return {
    truncated: of(({ truncated }) => Number(truncated)),
    looped: of(({ looped }) => Number(looped)),
    thinkingTokens: of(({ thinkingTokens }) => thinkingTokens),
    meanCells: of(({ meanCells }) => meanCells),
    peakCells: of(({ peakCells }) => peakCells),
    peakBytes: of(({ peakBytes }) => peakBytes),
    highestCells: highest(samples.map(({ peakCells }) => peakCells)),
    highestBytes: highest(samples.map(({ peakBytes }) => peakBytes)),
  }
}

export interface ThroughputOptions {
  /** How many samples ran at the same time. Default 1. */
  readonly parallel?: number | undefined
  /** Wall time of the whole run, if it is known: from its first token to its last, nothing left out. */
  readonly elapsedMs?: number | undefined
}

export interface Throughput {
  /** Sum of the generated tokens by sum of the wall times: the speed of one sequence among the others, all work included. */
  readonly tokensPerSecond: number
  /** Tokens of all sequences by the run's wall time; null if that is not known. */
  readonly total: number | null
  /**
   * The authors' `throughput_avg`: for each sample its tokens by the time of its forward passes, times the number in parallel;
   * then the mean over samples. Scoring, eviction and sampling are free, and every place in the batch counts as used. null if
   * the forward passes were not timed.
   */
  readonly authors: number | null
}

/** @throws InputError `no_samples` */
export function throughput(
  samples: readonly Pick<SampleCosts, 'generatedTokens' | 'wallMs' | 'forwardMs'>[],
  { parallel = 1, elapsedMs }: ThroughputOptions = {},
): Throughput {
  if (samples.length === 0) throw new InputError('no_samples', 'There is no speed to report: no sample was measured.')
  const tokens = sum(samples.map(({ generatedTokens }) => generatedTokens))
  const speeds = samples.map(({ generatedTokens, forwardMs }) =>
    forwardMs === null ? null : perSecond(generatedTokens, forwardMs) * parallel,
  )
  const timed = speeds.filter((speed) => speed !== null)
  return {
    tokensPerSecond: perSecond(tokens, sum(samples.map(({ wallMs }) => wallMs))),
    total: elapsedMs === undefined ? null : perSecond(tokens, elapsedMs),
    authors: timed.length < samples.length ? null : sum(timed) / timed.length,
  }
}

function perSecond(tokens: number, ms: number): number {
  return ms > 0 ? (tokens * 1000) / ms : 0
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

function highest(values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, value), 0)
}
