/**
 * Content words, function words and symbols by decile of importance.
 *
 * Source: arXiv 2601.18383, Figure 9.
 */
import { estimate, itemMeans, type Estimate } from '../evaluation/metrics/estimate.ts'
import { byFallingScore } from './importance-order.ts'
import type { WordClass } from './word-tagger.ts'

export const deciles = 10

/** Shares from 0 to 1 that add up to 1; NaN where there is no token. */
export type ClassShares = Readonly<Record<WordClass, number>>

export interface WordShares {
  readonly thinkingTokens: number
  /** Of all thinking tokens. */
  readonly all: ClassShares
  /** Of each tenth, the most important first. Shape [10]. */
  readonly byDecile: readonly ClassShares[]
}

/**
 * Of tokens by falling importance, the i-th of n is in decile floor(10 i / n).
 * @param classes of the thinking tokens, shape [thinking]
 * @param importance shape [thinking]
 */
export function wordShares(classes: readonly WordClass[], importance: Float32Array): WordShares {
  const groups = Array.from({ length: deciles }, (): WordClass[] => [])
  byFallingScore(importance).forEach((token, i) => {
    const wordClass = classes[token]
    if (wordClass) groups[Math.floor((deciles * i) / classes.length)]?.push(wordClass)
  })
  return { thinkingTokens: classes.length, all: sharesOf(classes), byDecile: groups.map(sharesOf) }
}

function sharesOf(classes: readonly WordClass[]): ClassShares {
  const share = (wanted: WordClass) => classes.filter((each) => each === wanted).length / classes.length
  return { content: share('content'), function: share('function'), symbol: share('symbol') }
}

export interface TraceWordShares extends WordShares {
  /** The trace's id. */
  readonly id: string
  /** Its question's. */
  readonly question: string
}

/** Mean over questions, each the mean over its traces, for which the share is defined; null: for none. */
export type ClassEstimates = Readonly<Record<WordClass, Estimate | null>>

export interface WordSummary {
  readonly traces: number
  readonly questions: number
  readonly thinkingTokens: number
  readonly all: ClassEstimates
  /** Shape [10]. */
  readonly byDecile: readonly ClassEstimates[]
  /** Content words in the first decile less those in the last. */
  readonly contentDifference: Estimate | null
}

/** @param traces at least one */
export function summariseWords(traces: readonly TraceWordShares[]): WordSummary {
  const over = (value: (trace: TraceWordShares) => number): Estimate | null => {
    const all = traces.map((trace) => ({ item: trace.question, value: value(trace) }))
    const defined = all.filter((one) => Number.isFinite(one.value))
    return defined.length === 0 ? null : estimate(itemMeans(defined, (one) => one.value))
  }
  const classesOver = (shares: (trace: TraceWordShares) => ClassShares | undefined): ClassEstimates => {
    const of = (wanted: WordClass) => over((trace) => shares(trace)?.[wanted] ?? NaN)
    return { content: of('content'), function: of('function'), symbol: of('symbol') }
  }
  return {
    traces: traces.length,
    questions: new Set(traces.map(({ question }) => question)).size,
    thinkingTokens: traces.reduce((sum, { thinkingTokens }) => sum + thinkingTokens, 0),
    all: classesOver(({ all }) => all),
    byDecile: Array.from({ length: deciles }, (_, i) => classesOver(({ byDecile }) => byDecile[i])),
    contentDifference: over(({ byDecile }) => (byDecile[0]?.content ?? NaN) - (byDecile.at(-1)?.content ?? NaN)),
  }
}
