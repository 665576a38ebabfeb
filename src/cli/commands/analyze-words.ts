/** `dynts analyze words`: content and function words by the importance of their tokens. Loads the model's vocabulary only. */
import { Command } from 'commander'
import { tokenClasses } from '../../analysis/token-classes.ts'
import { publishedWords } from '../../analysis/published-words.ts'
import { summariseWords, wordShares, type TraceWordShares } from '../../analysis/word-shares.ts'
import { loadWordTagger } from '../../analysis/word-tagger.ts'
import { wordsCsv } from '../../analysis/words-csv.ts'
import { fingerprint, type LocatedModel } from '../../engine/locate-model.ts'
import { loadLocated } from '../../engine/model.ts'
import { writeFileAtomic } from '../../records/atomic-file.ts'
import { ImportanceStore } from '../../traces/importance-store.ts'
import { measuredTraces, type UnmatchedTraces } from '../../traces/measured-traces.ts'
import { findModel } from '../find-model.ts'
import { isInterrupted, onInterrupt, untilInterrupted } from '../interrupt.ts'
import { leftOutLines } from '../trace/left-out-traces.ts'
import { modelOption, modelTitle } from '../options/model-option.ts'
import { packageVersion } from '../package-version.ts'
import { ProgressLine } from '../output/progress-line.ts'
import { checkReplaceable } from '../output/replaceable.ts'
import { wordsText } from '../analyze/words-text.ts'
import { toStderr } from '../output/write.ts'
import { writeRecord } from '../output/write-record.ts'

interface WordsFlags {
  readonly model: string
  readonly offline?: boolean
  readonly traces: string
  readonly output?: string
  readonly csv?: string
  readonly json?: boolean
}

export function analyzeWordsCommand(): Command {
  return new Command('words')
    .description('Content and function words by the importance of their tokens')
    .argument('<folder>', 'what dynts importance wrote')
    .requiredOption('--traces <file>', 'the traces that it was measured on')
    .addOption(modelOption('the model of the traces (as for run --model); only its vocabulary is read'))
    .option('--offline', 'never ask the network')
    .option('-o, --output <file>', 'write the JSON object, for dynts report')
    .option('--csv <file>', 'write a line for each trace')
    .option('--json', 'print one JSON object')
    .action((folder: string, flags: WordsFlags) => analyzeWords(folder, flags))
}

async function analyzeWords(folder: string, flags: WordsFlags): Promise<void> {
  const { traces: path, output, csv } = flags
  using store = ImportanceStore.open(folder)
  if (output !== undefined) checkReplaceable(output, 'json')
  if (csv !== undefined) checkReplaceable(csv, 'csv', '--csv')
  using signal = onInterrupt()
  const located = await findModel({ ...flags, predictor: 'none' }, signal)
  if (!located) return
  let unmatched: UnmatchedTraces = { absent: 0, notMeasured: 0 }
  const onUnmatched = (found: UnmatchedTraces) => (unmatched = found)
  const traces = await untilInterrupted(signal, () => sharesOf(located, store, path, { signal, onUnmatched }))
  if (!traces) return void toStderr('Interrupted.')
  const summary = summariseWords(traces)
  if (csv !== undefined) writeFileAtomic(csv, wordsCsv(traces), { option: '--csv' })
  const { kvType, versions } = store.manifest
  const record = {
    schema: 'dynts.analyze.words/1',
    importance: folder,
    model: store.manifest.model,
    settings: { traces: path, kvType },
    summary,
    traces,
    leftOut: unmatched,
    published: publishedWords,
    versions: { ...versions, dynts: packageVersion() },
  }
  leftOutLines(unmatched, path, folder).forEach(toStderr)
  writeRecord(flags, record, `${modelTitle(located.info)}\n${wordsText(summary)}`)
}

/** Undefined: interrupted. */
async function sharesOf(
  located: LocatedModel,
  store: ImportanceStore,
  path: string,
  { signal, onUnmatched }: { readonly signal: AbortSignal; readonly onUnmatched: (found: UnmatchedTraces) => void },
): Promise<TraceWordShares[] | undefined> {
  using progress = new ProgressLine(process.stderr, 'traces')
  const total = store.records.length
  await using model = await loadLocated(located, { vocabularyOnly: true, gpu: 'off', signal })
  const tag = await loadWordTagger()
  const shares: TraceWordShares[] = []
  progress.update(0, total)
  for (const { trace, record } of measuredTraces(path, store, fingerprint(located.info), onUnmatched)) {
    const { id, question, tokens, thinkStart, thinkEnd } = trace
    const texts = await model.detokenize(tokens.slice(thinkStart, thinkEnd))
    const classes = tokenClasses(texts, tag(texts.join('')))
    shares.push({ id, question, ...wordShares(classes, store.readImportance(record)) })
    progress.update(shares.length, total)
    if (await isInterrupted(signal)) return undefined
  }
  return shares
}
