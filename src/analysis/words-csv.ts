/** Classes of words by decile as CSV: one line for each trace. Computes nothing. */
import Papa from 'papaparse'
import { wordClasses } from './word-tagger.ts'
import type { TraceWordShares } from './word-shares.ts'

/** Shares from 0 to 1; a share of no token is empty. */
export function wordsCsv(traces: readonly TraceWordShares[]): string {
  const rows = traces.map(({ id, question, thinkingTokens, all, byDecile }) => ({
    id,
    question,
    thinking_tokens: thinkingTokens,
    ...Object.fromEntries(wordClasses.map((each) => [each, cell(all[each])])),
    ...Object.fromEntries(
      byDecile.flatMap((shares, i) => wordClasses.map((each) => [`${each}_${i + 1}`, cell(shares[each])])),
    ),
  }))
  return `${Papa.unparse(rows, { newline: '\n' })}\n`
}

function cell(value: number): number | null {
  return Number.isFinite(value) ? value : null
}
