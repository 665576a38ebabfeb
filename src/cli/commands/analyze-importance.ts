/** `dynts analyze importance`: how the importance of measured traces is spread over their tokens. Loads no model. */
import { Command } from 'commander'
import { importanceProfile, summariseProfiles, type TraceProfile } from '../../analysis/importance-profile.ts'
import { profileCsv, traceCsv } from '../../analysis/profile-csv.ts'
import { InputError } from '../../errors.ts'
import { writeFileAtomic } from '../../records/atomic-file.ts'
import type { ImportanceRecord } from '../../traces/importance-record.ts'
import { ImportanceStore } from '../../traces/importance-store.ts'
import { isInterrupted, onInterrupt } from '../interrupt.ts'
import { packageVersion } from '../package-version.ts'
import { profileText } from '../analyze/profile-text.ts'
import { refuseWithoutEffect } from '../options/option-values.ts'
import { ProgressLine } from '../output/progress-line.ts'
import { checkReplaceable } from '../output/replaceable.ts'
import { toStderr } from '../output/write.ts'
import { writeRecord } from '../output/write-record.ts'

interface ImportanceFlags {
  readonly trace?: string
  readonly output?: string
  readonly csv?: string
  readonly json?: boolean
}

export function analyzeImportanceCommand(): Command {
  return new Command('importance')
    .description('How importance is spread over thinking tokens and the question')
    .argument('<folder>', 'what dynts importance wrote')
    .option('--trace <id>', 'only this one, with the importance of each of its tokens in JSON and CSV')
    .option('-o, --output <file>', 'with --trace: write the JSON object, for dynts report')
    .option('--csv <file>', 'write a line for each trace; with --trace for each token')
    .option('--json', 'print one JSON object')
    .action((folder: string, flags: ImportanceFlags) => analyzeImportance(folder, flags))
}

async function analyzeImportance(folder: string, flags: ImportanceFlags): Promise<void> {
  const { csv, output, trace: wanted } = flags
  if (wanted === undefined) refuseWithoutEffect({ '--output': output }, 'without --trace')
  using store = ImportanceStore.open(folder)
  if (csv !== undefined) checkReplaceable(csv, 'csv', '--csv')
  if (output !== undefined) checkReplaceable(output, 'json')
  const records = recordsOf(store, folder, wanted)
  const traces = await profilesOf(store, records)
  if (!traces) return
  const summary = summariseProfiles(traces)
  const [first] = records
  const trace = wanted !== undefined && first ? { ...idsOf(first), ...store.readScores(first) } : null
  if (csv !== undefined) writeFileAtomic(csv, trace ? traceCsv(trace) : profileCsv(traces), { option: '--csv' })
  const { model, label, kvType, versions } = store.manifest
  const record = {
    schema: 'dynts.analyze.importance/1',
    importance: folder,
    model,
    settings: { label, kvType },
    summary,
    traces,
    trace: trace && {
      ...trace,
      promptImportance: [...trace.promptImportance],
      importance: [...trace.importance],
    },
    versions: { ...versions, dynts: packageVersion() },
  }
  writeRecord(flags, record, profileText(traces, summary))
}

/** @throws InputError `no_traces` */
function recordsOf({ records }: ImportanceStore, folder: string, wanted: string | undefined): ImportanceRecord[] {
  const found = records.filter(({ id }) => wanted === undefined || id === wanted)
  if (found.length > 0) return found
  const why =
    records.length === 0 ? 'no trace: run dynts importance with the same --output to its end' : `no trace ${wanted}`
  throw new InputError('no_traces', `${folder} holds ${why}`)
}

function idsOf({ id, question }: ImportanceRecord) {
  return { id, question }
}

/** Undefined: interrupted, which is told. */
async function profilesOf(
  store: ImportanceStore,
  records: readonly ImportanceRecord[],
): Promise<TraceProfile[] | undefined> {
  using signal = onInterrupt()
  using progress = new ProgressLine(process.stderr, 'traces')
  const traces: TraceProfile[] = []
  progress.update(0, records.length)
  for (const record of records) {
    const { importance, promptImportance } = store.readScores(record)
    traces.push({ ...idsOf(record), ...importanceProfile(importance, promptImportance) })
    progress.update(traces.length, records.length)
    if (await isInterrupted(signal)) return void toStderr('Interrupted.')
  }
  return traces
}
