/**
 * The table at the end of `dynts run`.
 */
import type { GenerateResult } from '../engine/types.ts'
import { boxedAnswer } from '../evaluation/boxed-answer.ts'
import { formatBytes } from '../models/memory-plan.ts'
import { formatTable } from './table.ts'

/** Results of one policy, one for each sample. */
export interface PolicyResults {
  readonly policy: string
  readonly results: readonly GenerateResult[]
}

/** One column for each policy; means where there are several samples. */
export function summaryTable(runs: readonly PolicyResults[]): string {
  const mean = (results: readonly GenerateResult[], value: (result: GenerateResult) => number) =>
    results.reduce((sum, result) => sum + value(result), 0) / Math.max(1, results.length)
  const row = (label: string, cell: (results: readonly GenerateResult[]) => string) => [
    label,
    ...runs.map(({ results }) => cell(results)),
  ]
  const rows = [
    ['', ...runs.map(({ policy }) => policy)],
    row('answer', (results) => results.map(shortAnswer).join(' | ')),
    row('thinking tokens', (results) => whole(mean(results, (r) => r.usage.thinkingTokens))),
    row('answer tokens', (results) => whole(mean(results, (r) => r.usage.answerTokens))),
    row('peak cells', (results) => whole(Math.max(0, ...results.map((r) => r.cache.peakCells)))),
    row('mean cells', (results) => whole(mean(results, (r) => r.cache.meanCells))),
    row('cache at its peak', (results) => formatBytes(Math.max(0, ...results.map((r) => r.cache.peakBytes)))),
    row('cache allocated', (results) => formatBytes(results.reduce((sum, r) => sum + r.cache.allocatedBytes, 0))),
    row('evictions', (results) => whole(mean(results, (r) => r.cache.evictions))),
    row('tokens per second', (results) => whole(results.reduce((sum, r) => sum + r.timing.tokensPerSecond, 0))),
    row('ended by', (results) => [...new Set(results.map((r) => r.finishReason))].join(', ')),
  ]
  const degraded = runs.filter(({ results }) => results.some((r) => r.cache.degraded)).map(({ policy }) => policy)
  const notes =
    degraded.length > 0 ? [`Answer cells had to leave under ${degraded.join(', ')}: give a larger --budget.`] : []
  return [formatTable(rows), ...notes].join('\n')
}

/** What is in the box, else the beginning of the answer. */
function shortAnswer({ answer }: GenerateResult): string {
  const boxed = boxedAnswer(answer)
  if (boxed !== undefined) return boxed
  const line = answer.split('\n').at(-1)?.trim() ?? ''
  return line === '' ? '(none)' : line.length > 24 ? `${line.slice(0, 23)}…` : line
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}
