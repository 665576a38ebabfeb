/**
 * From single answers to the numbers of a policy, each with a 95 % interval, and to a table. Knows nothing of engines.
 */
import { bootstrapInterval, wilsonInterval, type Interval } from '../../src/evaluation/intervals.ts'
import type { AccuracyRecord } from './records.ts'

export interface PolicySummary {
  readonly policy: string
  readonly items: number
  readonly correct: number
  readonly accuracy: number
  /** Wilson's. */
  readonly accuracyInterval: Interval
  /** To the policy compared with, over the items that both have answered. */
  readonly difference: { readonly to: string; readonly mean: number; readonly interval: Interval } | null
  readonly truncated: number
  readonly degraded: number
  readonly thinkingTokens: number
  readonly meanCells: number
  readonly peakCells: number
  readonly evictions: number
}

/** @param seed of the bootstrap */
export function summarise(
  policy: string,
  records: readonly AccuracyRecord[],
  compared: readonly AccuracyRecord[],
  seed: number,
): PolicySummary {
  const items = records.length
  const share = (count: number) => (items === 0 ? 0 : count / items)
  const count = (test: (record: AccuracyRecord) => boolean) => records.filter(test).length
  const mean = (value: (record: AccuracyRecord) => number) =>
    share(records.reduce((sum, record) => sum + value(record), 0))
  const correct = count((record) => record.correct)
  return {
    policy,
    items,
    correct,
    accuracy: share(correct),
    accuracyInterval: wilsonInterval(correct, items),
    difference: difference(records, compared, seed),
    truncated: share(count((record) => record.truncated)),
    degraded: share(count((record) => record.degraded)),
    thinkingTokens: mean((record) => record.thinkingTokens),
    meanCells: mean((record) => record.meanCells),
    peakCells: Math.max(0, ...records.map((record) => record.peakCells)),
    evictions: mean((record) => record.evictions),
  }
}

/** A Markdown table, best policy first. */
export function table(summaries: readonly PolicySummary[]): string {
  const to = summaries.find(({ difference: found }) => found)?.difference?.to
  const header = [
    'policy',
    'accuracy',
    '95 % interval',
    to === undefined ? 'difference, points' : `difference to ${to}, points`,
    'truncated',
    'thinking tokens',
    'mean cells',
    'peak cells',
    'evictions',
  ]
  const sorted = summaries.filter(({ items }) => items > 0).sort((a, b) => b.accuracy - a.accuracy)
  const rows = sorted.map((summary) => [
    `\`${summary.policy}\``,
    percent(summary.accuracy),
    `${percent(summary.accuracyInterval.low)} to ${percent(summary.accuracyInterval.high)}`,
    summary.difference ? points(summary.difference) : '',
    percent(summary.truncated),
    summary.thinkingTokens.toFixed(0),
    summary.meanCells.toFixed(0),
    summary.peakCells.toFixed(0),
    summary.evictions.toFixed(1),
  ])
  const align = header.map((_, column) => (column === 0 ? '---' : '--:'))
  return [header, align, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

function difference(
  records: readonly AccuracyRecord[],
  compared: readonly AccuracyRecord[],
  seed: number,
): PolicySummary['difference'] {
  const [first] = compared
  if (!first || first.policy === records[0]?.policy) return null
  const others = new Map(compared.map((record) => [record.item, Number(record.correct)]))
  const differences = records.flatMap(({ item, correct }) => {
    const other = others.get(item)
    return other === undefined ? [] : [Number(correct) - other]
  })
  if (differences.length === 0) return null
  const mean = differences.reduce((sum, value) => sum + value, 0) / differences.length
  return { to: first.policy, mean, interval: bootstrapInterval(differences, seed) }
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`
}

function points({ mean, interval }: NonNullable<PolicySummary['difference']>): string {
  return `${signed(mean)} (${signed(interval.low)} to ${signed(interval.high)})`
}

function signed(share: number): string {
  const value = (share * 100).toFixed(1)
  return Number(value) > 0 ? `+${value}` : value
}
