/** Accuracy by what was kept of the thinking. */
import { estimate, itemMeans, mean, pairedDifference, type Estimate } from '../../evaluation/metrics/estimate.ts'
import { groupBy } from '../../group-by.ts'
import { readRecords } from '../../records/read-records.ts'
import { selections } from './kept-tokens.ts'
import { paretoRecords, readings, type ParetoRecord } from './pareto-record.ts'

export interface ParetoPoint extends Pick<ParetoRecord, 'reading' | 'selection' | 'percent'> {
  readonly answers: number
  /** Mean over questions of the share of right answers. */
  readonly accuracy: Estimate
  /** Accuracy less that with all of the thinking, over the questions that both have; null: of none, or this is it. */
  readonly toFull: Estimate | null
  /** Means over answers. */
  readonly keptTokens: number
  readonly answerTokens: number
  readonly truncated: number
  /** Share of the answers in which the model thought again. */
  readonly thoughtAgain: number
}

export interface ParetoSummary extends Pick<ParetoRecord, 'model' | 'settings'> {
  /** Undefined: the questions are of files, or of several tasks. */
  readonly task: string | undefined
  readonly traces: number
  readonly questions: number
  /** Answers to the same part of a thinking, at most. */
  readonly samples: number
  /** Mean over traces. */
  readonly thinkingTokens: number
  /** All of the thinking first, then by reading: nothing of it, and each selection by size. */
  readonly points: readonly ParetoPoint[]
}

export interface ReadPareto {
  /** Undefined: of no records. */
  readonly summary: ParetoSummary | undefined
  /** Answers of the file that were not asked for. */
  readonly others: number
}

/**
 * @param keys of the answers that are asked for (`paretoKey`). Default: all
 * @throws InputError `records_not_found`, `invalid_records`
 */
export function readPareto(path: string, keys?: ReadonlySet<string>): ReadPareto {
  const all = [...readRecords(path, paretoRecords)]
  const asked = keys ? all.filter((record) => keys.has(paretoRecords.keyOf(record))) : all
  return { summary: summarisePareto(asked), others: all.length - asked.length }
}

/** @returns undefined for no records */
export function summarisePareto(records: readonly ParetoRecord[]): ParetoSummary | undefined {
  const [first] = records
  if (!first) return undefined
  const groups = groupBy(records, partOf)
  const full = groups.get(partOf({ reading: null, selection: 'full', percent: 100 }))
  const points = [...groups.values()].map((answers) => pointOf(answers, full)).toSorted(inOrder)
  const lengths = new Map(records.map(({ trace, thinkingTokens }) => [trace, thinkingTokens]))
  return {
    model: first.model,
    settings: first.settings,
    task: records.every(({ task }) => task === first.task) ? first.task : undefined,
    traces: lengths.size,
    questions: new Set(records.map(({ question }) => question)).size,
    samples: records.reduce((most, { sample }) => Math.max(most, sample + 1), 1),
    thinkingTokens: mean([...lengths.values()]),
    points,
  }
}

function partOf({ reading, selection, percent }: Pick<ParetoRecord, 'reading' | 'selection' | 'percent'>): string {
  return JSON.stringify([reading, selection, percent])
}

function pointOf(answers: readonly ParetoRecord[], full: readonly ParetoRecord[] | undefined): ParetoPoint {
  const [{ reading, selection, percent } = { reading: null, selection: 'full' as const, percent: 100 }] = answers
  const own = byQuestion(answers)
  const all = byQuestion(full ?? [])
  return {
    ...{ reading, selection, percent },
    answers: answers.length,
    accuracy: estimate(own),
    toFull: selection === 'full' ? null : pairedDifference(own, all),
    keptTokens: mean(answers.map(({ keptTokens }) => keptTokens)),
    answerTokens: mean(answers.map(({ answerTokens }) => answerTokens)),
    truncated: mean(answers.map(({ truncated }) => Number(truncated))),
    thoughtAgain: mean(answers.map(({ thoughtAgain }) => Number(thoughtAgain))),
  }
}

function byQuestion(answers: readonly ParetoRecord[]): ReadonlyMap<string, number> {
  return itemMeans(
    answers.map(({ question, right }) => ({ item: question, right })),
    ({ right }) => Number(right),
  )
}

const order = ['full', 'none', ...selections]

function inOrder(a: ParetoPoint, b: ParetoPoint): number {
  const rank = ({ reading }: ParetoPoint) => (reading === null ? -1 : readings.indexOf(reading))
  return rank(a) - rank(b) || order.indexOf(a.selection) - order.indexOf(b.selection) || a.percent - b.percent
}
