/**
 * `dynts eval summary`: the tables of a folder of records, as often as wanted.
 */
import { Command, InvalidArgumentError } from 'commander'
import { isWhole } from '../../check-whole.ts'
import { Grader } from '../../evaluation/grading/grader.ts'
import { summarise } from '../../evaluation/run/summarise.ts'
import { summaryText } from '../../evaluation/run/summary-tables.ts'
import { numbers, refuseWithoutEffect } from '../options/option-values.ts'
import { summaryJson, writeSummary } from '../eval/eval-output.ts'

interface SummaryFlags {
  readonly allowMissing?: boolean
  readonly k?: number[]
  readonly all?: boolean
  readonly csv?: string
  readonly jsonFile?: string
  readonly json?: boolean
}

export function evalSummaryCommand(): Command {
  return new Command('summary')
    .description('Tables of an evaluation, and the same as CSV and JSON')
    .argument('<folder>', 'what dynts eval or dynts eval merge wrote')
    .option('--allow-missing', 'summarise although planned samples are missing')
    .option('--k <list>', 'for Pass@k and Maj@k, separated by commas (default: the number of samples)', ks)
    .option('--all', 'a row for each configuration of a large grid too (default: its matrices)')
    .option('--csv <file>', 'default: summary.csv in the folder')
    .option('--json-file <file>', 'default: summary.json in the folder')
    .option('--json', 'print one JSON object instead of tables')
    .action((folder: string, flags: SummaryFlags) => summarize(folder, flags))
}

async function summarize(folder: string, flags: SummaryFlags): Promise<void> {
  const { allowMissing = false, k, all, csv, jsonFile, json } = flags
  if (json === true) refuseWithoutEffect({ '--all': all }, 'with --json')
  await using grader = new Grader()
  const summary = await summarise(folder, { allowMissing, k, grader })
  writeSummary(folder, summary, {
    ...(csv === undefined ? {} : { csv }),
    ...(jsonFile === undefined ? {} : { json: jsonFile }),
  })
  process.stdout.write(json === true ? summaryJson(summary) : `${summaryText(summary, { all })}\n`)
}

function ks(text: string): number[] {
  const values = numbers(text)
  if (values.every((value) => isWhole(value, 1))) return values
  throw new InvalidArgumentError('It must be whole numbers from 1, e.g. 1,5.')
}
