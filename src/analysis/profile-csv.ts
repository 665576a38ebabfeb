/** Profiles of traces as CSV, a line for each trace, and the importance of one, a line for each token. Computes nothing. */
import Papa from 'papaparse'
import type { TraceImportance, TraceProfile } from './importance-profile.ts'

/** Shares from 0 to 1; a figure that is not defined is empty. */
export function profileCsv(traces: readonly TraceProfile[]): string {
  const rows = traces.map((trace) => ({
    id: trace.id,
    question: trace.question,
    prompt_tokens: trace.promptTokens,
    thinking_tokens: trace.thinkingTokens,
    mean: cell(trace.mean),
    above_mean: cell(trace.aboveMean),
    top_20_share: cell(trace.topShare),
    gini: cell(trace.gini),
    prompt_ratio: cell(trace.promptRatio),
    ...Object.fromEntries(trace.byPosition.map((value, bin) => [`position_${bin + 1}`, cell(value)])),
  }))
  return `${Papa.unparse(rows, { newline: '\n' })}\n`
}

/** Positions count from 0, in the question and in the thinking. */
export function traceCsv({ promptImportance, importance }: TraceImportance): string {
  const rowsOf = (part: string, values: Float32Array) =>
    Array.from(values, (value, position) => ({ part, position, importance: value }))
  const rows = [...rowsOf('question', promptImportance), ...rowsOf('thinking', importance)]
  return `${Papa.unparse(rows, { newline: '\n' })}\n`
}

function cell(value: number): number | null {
  return Number.isFinite(value) ? value : null
}
