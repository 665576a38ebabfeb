/**
 * Writes a summary beside its records.
 */
import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { averages } from '../evaluation/run/averages.ts'
import { writeWhole } from '../evaluation/run/eval-folder.ts'
import type { EvalSummary } from '../evaluation/run/summarise.ts'
import { summaryCsv } from '../evaluation/run/summary-csv.ts'

/** A summary as programs get it, the means over tasks included. */
export function summaryJson(summary: EvalSummary): string {
  return `${JSON.stringify({ ...summary, averages: averages(summary.tasks) }, null, 2)}\n`
}

/** Default: `summary.csv` and `summary.json` in the folder. */
export function writeSummary(
  folder: string,
  summary: EvalSummary,
  { csv = join(folder, 'summary.csv'), json = join(folder, 'summary.json') }: { csv?: string; json?: string } = {},
): void {
  for (const [path, text] of [
    [csv, summaryCsv(summary)],
    [json, summaryJson(summary)],
  ] as const) {
    mkdirSync(dirname(path), { recursive: true })
    writeWhole(path, text)
  }
}
