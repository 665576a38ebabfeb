/** What answers cost: their length, cells, bytes and time. */
import { InputError } from '../../errors.ts'
import type { SampleRecord } from '../run/eval-record.ts'
import { estimate, itemMeans, mean, sum, type Estimate } from './estimate.ts'

export type SampleCosts = Pick<
  SampleRecord,
  'item' | 'truncated' | 'looped' | 'thinkingTokens' | 'meanCells' | 'peakCells' | 'peakBytes'
>

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
export function costSummary(samples: readonly SampleCosts[], seed = 1): CostSummary {
  const of = (value: (sample: SampleCosts) => number) => estimate(itemMeans(samples, value), seed)
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

/** Of the wall times only the sum means something. */
export interface TimedSample extends Pick<SampleRecord, 'generatedTokens' | 'wallMs' | 'forwardMs'> {
  /** Places in its batch. */
  readonly parallel: number
}

/** Tokens per second of all sequences of a batch together. */
export interface Throughput {
  /** Sum of the generated tokens by sum of the wall times: all work is in it, and places that were empty. */
  readonly wall: number
  /**
   * The authors' `throughput_avg`: for each sample its tokens by the time of its forward passes, times the number in parallel;
   * then the mean over samples. Scoring, eviction and sampling are free, and every place in the batch counts as used.
   */
  readonly authors: number
}

/** @throws InputError `no_samples` */
export function throughput(samples: readonly TimedSample[]): Throughput {
  if (samples.length === 0) throw new InputError('no_samples', 'There is no speed to report: no sample was measured.')
  const tokens = sum(samples.map(({ generatedTokens }) => generatedTokens))
  const speeds = samples.map((one) => perSecond(one.generatedTokens, one.forwardMs) * one.parallel)
  return {
    wall: perSecond(tokens, sum(samples.map(({ wallMs }) => wallMs))),
    authors: mean(speeds),
  }
}

/** Sum of the times by sum of the evictions. null: none is known of; records of earlier versions have no time. */
export function msPerEviction(samples: readonly Pick<SampleRecord, 'evictions' | 'evictionMs'>[]): number | null {
  const timed = samples.flatMap(({ evictions, evictionMs }) =>
    evictionMs === undefined ? [] : { evictions, evictionMs },
  )
  const evictions = sum(timed.map((one) => one.evictions))
  return evictions === 0 ? null : sum(timed.map((one) => one.evictionMs)) / evictions
}

function perSecond(tokens: number, ms: number): number {
  return ms > 0 ? (tokens * 1000) / ms : 0
}

function highest(values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, value), 0)
}
