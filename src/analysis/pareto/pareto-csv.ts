/** Accuracy by what was kept of the thinking as CSV: one line for each part. Computes nothing. */
import Papa from 'papaparse'
import type { ParetoSummary } from './summarise-pareto.ts'

/** Shares from 0 to 1; what is not defined is empty. */
export function paretoCsv({ points }: ParetoSummary): string {
  const rows = points.map(({ reading, selection, percent, answers, accuracy, toFull, ...means }) => ({
    reading,
    selection,
    percent,
    questions: accuracy.items,
    answers,
    accuracy: accuracy.mean,
    accuracy_low: accuracy.interval?.low ?? null,
    accuracy_high: accuracy.interval?.high ?? null,
    to_full: toFull?.mean ?? null,
    to_full_low: toFull?.interval?.low ?? null,
    to_full_high: toFull?.interval?.high ?? null,
    kept_tokens: means.keptTokens,
    answer_tokens: means.answerTokens,
    truncated: means.truncated,
    thought_again: means.thoughtAgain,
  }))
  return `${Papa.unparse(rows, { newline: '\n' })}\n`
}
