/** `dynts analyze importance`: how the importance of measured traces is spread over their tokens. Loads no model. */
import { Command } from 'commander'
import { importanceProfile, summariseProfiles, type TraceProfile } from '../../analysis/importance-profile.ts'
import { profileCsv } from '../../analysis/profile-csv.ts'
import { InputError } from '../../errors.ts'
import { writeFileAtomic } from '../../records/atomic-file.ts'
import { ImportanceStore } from '../../traces/importance-store.ts'
import { onInterrupt } from '../interrupt.ts'
import { packageVersion } from '../package-version.ts'
import { profileText } from '../profile-text.ts'
import { ProgressLine } from '../progress-line.ts'
import { checkReplaceable } from '../replaceable.ts'

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

async function analyzeImportance(folder: string, { csv, json }: ImportanceFlags): Promise<void> {
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
  process.stdout.write(json === true ? `${JSON.stringify(record, null, 2)}\n` : `${profileText(traces, summary)}\n`)
}

/** Undefined: interrupted, which is told. */
async function profilesOf(store: ImportanceStore, folder: string): Promise<TraceProfile[] | undefined> {
  using interrupt = onInterrupt()
  const { records } = store
  if (records.length === 0) {
    throw new InputError(
      'no_traces',
      `${folder} holds no trace: run dynts importance with the same --output to its end`,
    )
  }
  const progress = new ProgressLine(process.stderr, 'traces')
  const traces: TraceProfile[] = []
  try {
    progress.update(0, records.length)
    for (const record of records) {
      const { importance, promptImportance } = store.readScores(record)
      traces.push({
        id: record.id,
        question: record.question,
        ...importanceProfile(importance, promptImportance),
      })
      progress.update(traces.length, records.length)
      // A signal is seen between two turns of the event loop only.
      await new Promise(setImmediate)
      if (!interrupt.signal.aborted) continue
      process.stderr.write('Interrupted.\n')
      return undefined
    }
  } finally {
    progress.stop()
  }
  return traces
}
