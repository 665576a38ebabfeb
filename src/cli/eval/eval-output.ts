/**
 * Writes a summary beside its records.
 */
import { join } from 'node:path'
import { averages } from '../../evaluation/run/averages.ts'
import type { EvalSummary } from '../../evaluation/run/summarise.ts'
import { summaryCsv } from '../../evaluation/run/summary-csv.ts'
import { writeFileAtomic } from '../../records/atomic-file.ts'
import { checkReplaceable } from '../output/replaceable.ts'

/** A summary as programs get it, the means over tasks included. */
export function summaryJson(summary: EvalSummary): string {
  return `${JSON.stringify({ ...summary, averages: averages(summary.tasks) }, null, 2)}\n`
}

/**
 * Default: `summary.csv` and `summary.json` in the folder.
 * @throws InputError `invalid_output`, `disk_full`; none of the files is written if one of them cannot be
 */
export function writeSummary(
  folder: string,
  summary: EvalSummary,
  { csv = join(folder, 'summary.csv'), json = join(folder, 'summary.json') }: { csv?: string; json?: string } = {},
): void {
  checkReplaceable(csv, 'csv', '--csv')
  checkReplaceable(json, 'json', '--json-file')
  writeFileAtomic(csv, summaryCsv(summary), { option: '--csv' })
  writeFileAtomic(json, summaryJson(summary), { option: '--json-file' })
}
