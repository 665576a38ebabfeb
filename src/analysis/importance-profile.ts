/**
 * How importance is spread over a trace: how few tokens have most of it, and where they are.
 *
 * Source: arXiv 2601.18383, Figures 2, 10 and 11 (mean over the thinking, share above it); the rest is this project's.
 */
import { estimate, itemMeans, type Estimate } from '../evaluation/metrics/estimate.ts'
import { meanOf } from '../predictor/target.ts'

/** Bins of relative position. */
const positionBins = 20
const topPercent = 20

/** What was measured of one trace. */
export interface TraceImportance {
  readonly id: string
  /** Id of its question. */
  readonly question: string
  /** Shape [prompt tokens]. */
  readonly promptImportance: Float32Array
  /** Shape [thinking tokens]. */
  readonly importance: Float32Array
}

/** NaN where a figure is not defined: of a trace without any importance, or with fewer than five thinking tokens. */
export interface ProfileFigures {
  /** Over the thinking tokens. */
  readonly mean: number
  /** Share of the thinking tokens above the mean. */
  readonly aboveMean: number
  /** Share of the thinking's importance that its top 20 % (rounded down) have. */
  readonly topShare: number
  /** 0: all tokens have the same; towards 1: one has all. */
  readonly gini: number
  /** Mean over the prompt, to that over the thinking. */
  readonly promptRatio: number
}

export interface ImportanceProfile extends ProfileFigures {
  readonly promptTokens: number
  readonly thinkingTokens: number
  /** Mean of each twentieth of the thinking, to the mean of all; NaN where a short trace has no token. Shape [20]. */
  readonly byPosition: readonly number[]
}

/**
 * @param importance of the thinking tokens, shape [thinking], at least one, none negative
 * @param promptImportance shape [prompt]
 */
export function importanceProfile(importance: Float32Array, promptImportance: Float32Array): ImportanceProfile {
  const mean = meanOf(importance)
  const ascending = Float64Array.from(importance).sort()
  return {
    promptTokens: promptImportance.length,
    thinkingTokens: importance.length,
    mean,
    aboveMean: importance.reduce((count, value) => count + (value > mean ? 1 : 0), 0) / importance.length,
    topShare: topShare(ascending),
    gini: gini(ascending),
    promptRatio: meanOf(promptImportance) / mean,
    byPosition: byPosition(importance).map((value) => value / mean),
  }
}

function topShare(ascending: Float64Array): number {
  const count = Math.floor((ascending.length * topPercent) / 100)
  if (count === 0) return NaN
  return sumOf(ascending.subarray(ascending.length - count)) / sumOf(ascending)
}

/** Half the mean difference of all pairs, the same token twice included, to the mean. */
function gini(ascending: Float64Array): number {
  const n = ascending.length
  const weighted = ascending.reduce((sum, value, i) => sum + (2 * (i + 1) - n - 1) * value, 0)
  return weighted / (n * sumOf(ascending))
}

/** Token i of n is in bin floor(20 i / n). */
function byPosition(importance: Float32Array): number[] {
  const sums = Array.from({ length: positionBins }, () => ({ sum: 0, count: 0 }))
  importance.forEach((value, i) => {
    const bin = sums[Math.floor((positionBins * i) / importance.length)]
    if (!bin) return
    bin.sum += value
    bin.count++
  })
  return sums.map(({ sum, count }) => sum / count)
}

function sumOf(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0)
}

export interface TraceProfile extends ImportanceProfile {
  /** The trace's id. */
  readonly id: string
  /** Its question's. */
  readonly question: string
}

export interface ProfileSummary {
  readonly traces: number
  readonly questions: number
  readonly thinkingTokens: number
  /** Mean over questions, each the mean over its traces, for which the figure is defined; null: for none. */
  readonly figures: Readonly<Record<keyof ProfileFigures, Estimate | null>>
  /** The smallest and the largest share above the mean of a trace. */
  readonly aboveMeanRange: { readonly least: number; readonly most: number }
  /** The same for each twentieth of the thinking. Shape [20]. */
  readonly byPosition: readonly (Estimate | null)[]
}

/** @param traces at least one */
export function summariseProfiles(traces: readonly TraceProfile[]): ProfileSummary {
  const over = (value: (trace: TraceProfile) => number): Estimate | null => {
    const defined = traces.map((trace) => ({ item: trace.question, value: value(trace) }))
    const finite = defined.filter((one) => Number.isFinite(one.value))
    return finite.length === 0 ? null : estimate(itemMeans(finite, (one) => one.value))
  }
  const above = traces.map(({ aboveMean }) => aboveMean)
  return {
    traces: traces.length,
    questions: new Set(traces.map(({ question }) => question)).size,
    thinkingTokens: traces.reduce((sum, { thinkingTokens }) => sum + thinkingTokens, 0),
    figures: {
      mean: over((trace) => trace.mean),
      aboveMean: over((trace) => trace.aboveMean),
      topShare: over((trace) => trace.topShare),
      gini: over((trace) => trace.gini),
      promptRatio: over((trace) => trace.promptRatio),
    },
    aboveMeanRange: { least: least(above), most: -least(above.map((value) => -value)) },
    byPosition: Array.from({ length: positionBins }, (_, bin) => over((trace) => trace.byPosition[bin] ?? NaN)),
  }
}

/** How far single traces lie apart: percentiles over all of them, each counted once. */
export interface Spread {
  readonly p10: number
  readonly p25: number
  readonly p75: number
  readonly p90: number
}

/** Of fewer, percentiles say nothing of others. */
const fewestTraces = 5

/**
 * Percentiles of what is finite, linear between neighbours: that of share q of n values is at (n - 1) q of their order.
 * @returns null of fewer than five
 */
export function spreadOf(values: readonly number[]): Spread | null {
  const ascending = values.filter(Number.isFinite).sort((a, b) => a - b)
  if (ascending.length < fewestTraces) return null
  const at = (share: number) => {
    const place = share * (ascending.length - 1)
    const below = ascending[Math.floor(place)] ?? NaN
    return below + (place - Math.floor(place)) * ((ascending[Math.ceil(place)] ?? NaN) - below)
  }
  return { p10: at(0.1), p25: at(0.25), p75: at(0.75), p90: at(0.9) }
}

/** Not `Math.min(...)`, which takes only so many values. */
function least(values: readonly number[]): number {
  return values.reduce((lowest, value) => Math.min(lowest, value), Infinity)
}
