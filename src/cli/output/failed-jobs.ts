/**
 * `--max-failures`, and what is said at the end of a run of which some jobs failed.
 */
import { Option } from 'commander'
import { defaultMaxFailures } from '../../jobs/run-jobs.ts'
import { counted } from './counted.ts'
import { number } from '../options/option-values.ts'
import type { Say } from './write.ts'

/** @param of what ends after so many failures */
export function maxFailuresOption(of: string): Option {
  return new Option('--max-failures <n>', `leave ${of} after so many failures`)
    .argParser(number)
    .default(defaultMaxFailures)
}

/**
 * Exit code 1 if something failed, however complete the rest is.
 * @param log where the reasons are
 */
export function sayWhatFailed(
  { failed, skipped = 0 }: { readonly failed: number; readonly skipped?: number },
  log: string,
  say: Say,
): void {
  if (failed === 0) return
  const left = skipped === 0 ? '' : `, and ${skipped} were left out`
  say(`${counted(failed, 'job')} failed${left}: the reasons are in ${log}. The same command tries again.`)
  process.exitCode ??= 1
}
