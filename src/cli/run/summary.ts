/**
 * The table at the end of `dynts run`.
 */
import type { GenerateResult } from '../../engine/types.ts'
import { boxedAnswer } from '../../evaluation/boxed-answer.ts'
import { formatBytes } from '../../models/memory-plan.ts'
import { count } from '../output/counted.ts'
import { printable } from '../output/printable.ts'
import { formatTable } from '../output/table.ts'

/** Results of one policy, one for each sample. */
export interface PolicyResults {
  readonly policy: string
  readonly results: readonly GenerateResult[]
  /** From the first prompt to the last token of all samples. */
  readonly wallMs: number
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
    row('answer', answers),
    row('thinking tokens', (results) => whole(mean(results, (r) => r.usage.thinkingTokens))),
    row('answer tokens', (results) => whole(mean(results, (r) => r.usage.answerTokens))),
    row('peak cells', (results) => whole(Math.max(0, ...results.map((r) => r.cache.peakCells)))),
    row('mean cells', (results) => whole(mean(results, (r) => r.cache.meanCells))),
    row('cache at its peak', (results) => formatBytes(Math.max(0, ...results.map((r) => r.cache.peakBytes)))),
    row('cache allocated', (results) => formatBytes(results.reduce((sum, r) => sum + r.cache.allocatedBytes, 0))),
    row('evictions', (results) => whole(mean(results, (r) => r.cache.evictions))),
    ['tokens per second', ...runs.map((run) => whole(tokensPerSecond(run)))],
    row('ended by', (results) => [...new Set(results.map((r) => r.finishReason))].join(', ')),
  ]
  const degraded = runs.filter(({ results }) => results.some((r) => r.cache.degraded)).map(({ policy }) => policy)
  const notes =
    degraded.length > 0 ? [`Answer cells had to leave under ${degraded.join(', ')}: give a larger --budget.`] : []
  return [formatTable(rows), ...notes].join('\n')
}

/** The answers of all samples, the commonest first. */
function answers(results: readonly GenerateResult[]): string {
  const counts = new Map<string, number>()
  for (const answer of results.map(shortAnswer)) counts.set(answer, (counts.get(answer) ?? 0) + 1)
  const sorted = [...counts].sort(([, a], [, b]) => b - a)
  const shown = sorted.slice(0, 4).map(([answer, times]) => (times > 1 ? `${answer} (${times})` : answer))
  return [...shown, ...(sorted.length > 4 ? ['...'] : [])].join(', ')
}

/** Of all samples together, by wall time. */
function tokensPerSecond({ results, wallMs }: PolicyResults): number {
  const [only] = results
  if (only && results.length === 1) return only.timing.tokensPerSecond
  const tokens = results.reduce((sum, { usage }) => sum + usage.thinkingTokens + usage.answerTokens, 0)
  return wallMs > 0 ? (tokens * 1000) / wallMs : 0
}

/** What is in the box, else the beginning of the answer. */
function shortAnswer({ answer }: GenerateResult): string {
  const boxed = boxedAnswer(answer)
  if (boxed !== undefined) return printable(boxed).replace(/\s+/g, ' ')
  const line = printable(answer.split('\n').at(-1) ?? '').trim()
  return line === '' ? '(none)' : line.length > 24 ? `${line.slice(0, 23)}…` : line
}

function whole(value: number): string {
  return count(Math.round(value))
}
