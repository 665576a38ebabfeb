/** `dynts analyze importance`: how the importance of measured traces is spread over their tokens. Loads no model. */
import { Command } from 'commander'
import { importanceProfile, summariseProfiles, type TraceProfile } from '../../analysis/importance-profile.ts'
import { profileCsv } from '../../analysis/profile-csv.ts'
import { InputError } from '../../errors.ts'
import { writeFileAtomic } from '../../records/atomic-file.ts'
import { ImportanceStore } from '../../traces/importance-store.ts'
import { isInterrupted, onInterrupt } from '../interrupt.ts'
import { packageVersion } from '../package-version.ts'
import { profileText } from '../analyze/profile-text.ts'
import { ProgressLine } from '../output/progress-line.ts'
import { checkReplaceable } from '../output/replaceable.ts'
import { toStderr, writeResult } from '../output/write.ts'

interface ImportanceFlags {
  readonly csv?: string
  readonly json?: boolean
}

export function analyzeImportanceCommand(): Command {
  return new Command('importance')
    .description('How importance is spread over thinking tokens and the question')
    .argument('<folder>', 'what dynts importance wrote')
    .option('--csv <file>', 'write a line for each trace')
    .option('--json', 'print one JSON object')
    .action((folder: string, flags: ImportanceFlags) => analyzeImportance(folder, flags))
}

async function analyzeImportance(folder: string, flags: ImportanceFlags): Promise<void> {
  const { csv } = flags
  using store = ImportanceStore.open(folder)
  if (csv !== undefined) checkReplaceable(csv, 'csv', '--csv')
  const traces = await profilesOf(store, folder)
  if (!traces) return
  const summary = summariseProfiles(traces)
  if (csv !== undefined) writeFileAtomic(csv, profileCsv(traces), { option: '--csv' })
  const { model, label, kvType, versions } = store.manifest
  const record = {
    schema: 'dynts.analyze.importance/1',
    importance: folder,
    model,
    settings: { label, kvType },
    summary,
    traces,
    versions: { ...versions, dynts: packageVersion() },
  }
  writeResult(flags, record, profileText(traces, summary))
}

/** Undefined: interrupted, which is told. */
async function profilesOf(store: ImportanceStore, folder: string): Promise<TraceProfile[] | undefined> {
  using signal = onInterrupt()
  using progress = new ProgressLine(process.stderr, 'traces')
  const { records } = store
  if (records.length === 0) {
    const advice = 'run dynts importance with the same --output to its end'
    throw new InputError('no_traces', `${folder} holds no trace: ${advice}`)
  }
  const traces: TraceProfile[] = []
  progress.update(0, records.length)
  for (const record of records) {
    const { importance, promptImportance } = store.readScores(record)
    const { id, question } = record
    traces.push({ id, question, ...importanceProfile(importance, promptImportance) })
    progress.update(traces.length, records.length)
    if (await isInterrupted(signal)) return void toStderr('Interrupted.')
  }
  return traces
}
