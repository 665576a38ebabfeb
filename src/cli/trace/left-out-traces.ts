/** Which traces an analysis leaves out because trace file and importance folder do not have the same, in words. */
import type { UnmatchedTraces } from '../../traces/measured-traces.ts'
import { counted } from '../output/counted.ts'

/** @returns a line for each reason */
export function leftOutLines({ absent, notMeasured }: UnmatchedTraces, path: string, folder: string): string[] {
  const lines: string[] = []
  if (absent > 0) lines.push(`${counted(absent, 'trace')} of ${folder} left out: not in ${path}`)
  if (notMeasured > 0) lines.push(`${counted(notMeasured, 'trace')} of ${path} left out: not measured in ${folder}`)
  return lines
}
