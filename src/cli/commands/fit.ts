/**
 * `dynts fit`: from a model and a file of questions to a predictor: trace, importance and train, one after the other, with the
 * options of all three.
 */
import { copyFile, readFile } from 'node:fs/promises'
import { basename, extname, join } from 'node:path'
import { Command } from 'commander'
import { InputError } from '../../errors.ts'
import { resolveModel } from '../../models/resolve.ts'
import { putAside } from '../../records/record-file.ts'
import { addImportanceOptions, type ImportanceFlags } from '../importance-options.ts'
import { packageVersion } from '../package-version.ts'
import { checkPredictorOutput, predictorPathOf, writeWhole } from '../predictor-file.ts'
import { addTraceOptions, checkTraceFlags, type TraceFlags } from '../trace-options.ts'
import { addTrainOptions, trainSettingsOf, type TrainFlags } from '../train-options.ts'
import { toStdout } from '../write.ts'
import { importance } from './importance.ts'
import { trace } from './trace.ts'
import { train } from './train.ts'

interface FitFlags extends TraceFlags, Omit<ImportanceFlags, 'kvType'>, TrainFlags {
  readonly model: string
  readonly threads?: number
  readonly kvType: ImportanceFlags['kvType']
  readonly gpu: TraceFlags['gpu']
  readonly work?: string
  readonly seed: number
}

/** What one command hands to the next, and how a command of its own ends. */
const notForFit = ['--traces', '--importance', '--output', '--json', '--resume', '--no-resume']

export function fitCommand(): Command {
  const command = new Command('fit')
    .description('Make a predictor for a model: trace, importance and train in one')
    .option('-o, --output <file>', 'predictor to write (default: beside the model, else in the cache folder)')
    .option('--work <folder>', 'traces, importance and the state (default: the name of the questions, ending in .fit)')
    .option('--resume', 'go on with what the work folder holds (the default)', true)
    .option('--no-resume', 'put what it holds aside and begin anew')
    .option('--json', 'print one JSON object')
  addSharedOptions(command)
  return command.action((flags: FitFlags) => fit(flags))
}

/** The options of the three commands; one that several have is one option here. */
function addSharedOptions(command: Command): void {
  const parts = [addTraceOptions(new Command()), addImportanceOptions(new Command()), addTrainOptions(new Command())]
  // The format that all of them know comes first.
  const options = parts.flatMap((part) => part.options).filter(({ long }) => !notForFit.includes(long ?? ''))
  const narrowest = parts[1]?.options.find(({ long }) => long === '--kv-type')
  for (const option of options) {
    const taken = command.options.some(({ long }) => long === option.long)
    if (!taken) command.addOption(option.long === '--kv-type' && narrowest ? narrowest : option)
  }
}

async function fit(flags: FitFlags): Promise<void> {
  const json: unknown[] = []
  const write = flags.json === true ? (text: string) => void json.push(JSON.parse(text)) : toStdout
  const work = flags.work ?? `${basename(flags.questions, extname(flags.questions))}.fit`
  const folder = join(work, 'importance')
  const trained = join(work, 'model.predictor.gguf')
  const output = await checkedOutput(flags, trained)

  begin(1, 'traces')
  const traced = await trace({ ...flags, output: join(work, 'traces.jsonl') }, write)
  if (!traced) return
  if (traced.kept === 0) throw new InputError('no_traces', nothingKept)
  begin(2, 'importance')
  const measured = await importance({ ...flags, traces: traced.output, output: folder }, write)
  if (measured === undefined) return
  begin(3, 'training')
  // Its reports and its state stay in the work folder.
  if (!flags.resume) putAside(trained)
  const finished = await train({ ...flags, importance: folder, output: trained }, write)
  if (!finished) return
  await writeWhole(output, (partial) => copyFile(trained, partial))
  process.stderr.write(`\nThe predictor is ${output}.\n`)
  if (flags.json !== true) return
  const [trace_, importance_, train_] = json
  const record = {
    schema: 'dynts.fit/1',
    predictor: output,
    work,
    trace: trace_,
    importance: importance_,
    train: train_,
    seed: flags.seed,
    versions: { dynts: packageVersion() },
  }
  toStdout(JSON.stringify(record, null, 2))
}

const nothingKept =
  'No trace was kept, so there is nothing to learn from: see above why they were dropped, and give more --questions or --samples.'

/**
 * Where the predictor will be. What is wrong with the last step's options should not come out after hours of the first.
 * @param trained what an earlier run of the same command has made
 */
async function checkedOutput(flags: FitFlags, trained: string): Promise<string> {
  checkTraceFlags(flags)
  trainSettingsOf(flags)
  const output = flags.output ?? (await predictorPathOf((await resolveModel(flags.model, flags)).path))
  await checkPredictorOutput(output, flags.force === true || (flags.resume && (await isCopy(output, trained))))
  return output
}

async function isCopy(path: string, of: string): Promise<boolean> {
  try {
    return (await readFile(path)).equals(await readFile(of))
  } catch {
    return false
  }
}

function begin(step: number, what: string): void {
  process.stderr.write(`\n${step} of 3: ${what}\n`)
}
