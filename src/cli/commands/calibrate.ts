/**
 * `dynts calibrate`: the mean queries of a model, measured once on a text, for the policies that foresee attention from them.
 */
import { resolve } from 'node:path'
import { Command } from 'commander'
import { calibrate } from '../../calibration/calibrate.ts'
import { readCalibration, writeCalibration, type CalibrationFile } from '../../calibration/calibration-file.ts'
import { calibrationFolder, findCalibration } from '../../calibration/find.ts'
import { importStatistics } from '../../calibration/import-statistics.ts'
import { LoadedModel } from '../../engine/loaded-model.ts'
import { fingerprint } from '../../engine/locate-model.ts'
import { tryModel } from '../../engine/trial.ts'
import { InputError } from '../../errors.ts'
import type { Calibration } from '../../eviction/calibration.ts'
import { loadLibrary } from '../../llama/index.ts'
import { inspectGguf, type GgufInfo } from '../../models/gguf-file.ts'
import { madeFileName } from '../../models/made-file-name.ts'
import { writeFileAtomic } from '../../records/atomic-file.ts'
import { readWholeText } from '../../records/input-file.ts'
import { keptTraces } from '../../traces/kept-traces.ts'
import { builtInText } from '../train/built-in-text.ts'
import { counted } from '../output/counted.ts'
import { findModelFile } from '../find-model.ts'
import { isInterrupted, onInterrupt } from '../interrupt.ts'
import { LoadProgress, sayGpuProblem } from '../output/load-progress.ts'
import { addDeviceOptions, checkDeviceFlags, type DeviceFlags } from '../options/machine-options.ts'
import { shellWord } from '../message-line.ts'
import { besideModel, checkMadeOutput } from '../output/made-file.ts'
import { checkWhole, number, refuseWithoutEffect } from '../options/option-values.ts'
import { packageVersion } from '../package-version.ts'
import { ProgressLine } from '../output/progress-line.ts'
import { toStderr, writeResult } from '../output/write.ts'
import { calibratePullCommand } from './calibrate-pull.ts'

interface CalibrateFlags extends DeviceFlags {
  readonly text?: string
  readonly traces?: string
  readonly import?: string
  readonly tokens?: number
  readonly output?: string
  readonly force?: boolean
  readonly json?: boolean
}

const defaultTokens = 4096
/** A rough mean would mislead. */
const fewestTokens = 64
/** More than the longest tokens have: so much of a text is enough. */
const charactersPerToken = 16

export function calibrateCommand(): Command {
  const command = new Command('calibrate')
    .argument('<model>', 'the model (as for run --model)')
    .option('--text <file>', 'read this text (default: one that comes with dynts)')
    .option('--traces <file>', 'read what dynts trace wrote: the model’s own reasoning')
    .option(
      '--import <file>',
      'take the statistics of a file instead: in the form TRIA, or of TriAttention’s authors (.pt)',
    )
    .option('--tokens <n>', `read so many tokens at most (default: ${defaultTokens})`, number)
    .option('-o, --output <file>', 'where to write (default: beside the model, else in the cache folder)')
    .option('-f, --force', 'replace a calibration that is there already')
  return addDeviceOptions(command)
    .option('--json', 'print one JSON object')
    .enablePositionalOptions()
    .action((model: string, flags: CalibrateFlags) => calibrateModel(model, flags))
    .addCommand(calibratePullCommand())
}

async function calibrateModel(reference: string, flags: CalibrateFlags): Promise<void> {
  checkFlags(flags)
  using signal = onInterrupt()
  const found = await findModelFile({ ...flags, model: reference }, signal)
  if (!found) return
  const info = await inspectGguf(found.path)
  const output =
    flags.output ?? (await besideModel(info.path, madeFileName('calibration', info.path), calibrationFolder()))
  await checkMadeOutput(output, flags.force === true, { what: 'calibration', read: readCalibration })
  using model = await load(info, flags, signal)
  const texts = textsOf(model, info, flags)
  const calibration = await measure(model, texts, flags, signal)
  if (!calibration) return void toStderr('Interrupted. Nothing was written.')
  const tokens = flags.import === undefined ? countOf(texts) : 0
  const file: CalibrationFile = { ...calibration, model: fingerprint(info), tokens }
  writeFileAtomic(output, (partial) => writeCalibration(model.llama.library, partial, file))
  writeResult(flags, recordOf(file, output, flags), summaryOf(file, output))
  toStderr(`Next: ${nextCommand(reference, info, output)}`)
}

/** Where it is not found by itself, it has to be named. */
function nextCommand(reference: string, info: GgufInfo, output: string): string {
  const found = findCalibration(info.path)
  const isFound = found !== undefined && resolve(found) === resolve(output)
  const named = isFound ? '' : ` --calibration ${shellWord(output)}`
  return `dynts run --model ${shellWord(reference)} --policy tri${named}`
}

/** @throws InputError `invalid_option` */
function checkFlags(flags: CalibrateFlags): void {
  const { text, traces, tokens } = flags
  checkDeviceFlags(flags)
  checkWhole('--tokens', tokens, fewestTokens)
  if (flags.import !== undefined)
    refuseWithoutEffect({ '--text': text, '--traces': traces, '--tokens': tokens }, 'with --import')
  if (text !== undefined) refuseWithoutEffect({ '--traces': traces }, 'with --text')
}

async function load(info: GgufInfo, flags: CalibrateFlags, signal: AbortSignal): Promise<LoadedModel> {
  using progress = new LoadProgress(toStderr)
  const { gpuLayers, threads } = flags
  const tried = await tryModel(info, { gpu: flags.gpu, gpuLayers, signal, onStart: progress.onTrial })
  sayGpuProblem(tried, toStderr)
  const onProgress = (share: number) => {
    progress.onProgress(share)
    return !signal.aborted
  }
  return LoadedModel.load(loadLibrary(tried.gpu), info.path, { threads, gpuLayers, onProgress })
}

/** Tokens of each text. @throws InputError `too_few_tokens` and what reading a file throws */
function textsOf(
  model: LoadedModel,
  info: GgufInfo,
  { text, traces, tokens = defaultTokens, ...flags }: CalibrateFlags,
) {
  const texts: number[][] = []
  let left = flags.import === undefined ? tokens : fewestTokens
  const add = (all: ArrayLike<number>) => {
    texts.push(Array.from(all).slice(0, left))
    left -= texts.at(-1)?.length ?? 0
  }
  if (traces !== undefined) {
    for (const trace of keptTraces(traces, fingerprint(info))) {
      if (left <= 0) break
      add(trace.tokens)
    }
  } else {
    const whole =
      text === undefined ? builtInText() : readWholeText(text, { missing: 'text_not_found', invalid: 'invalid_text' })
    add(model.llama.vocab.tokenize(whole.slice(0, left * charactersPerToken), { special: false, addBos: true }))
  }
  const count = countOf(texts)
  if (count >= fewestTokens) return texts
  throw new InputError(
    'too_few_tokens',
    `${text ?? traces ?? 'the text'} has ${count} tokens, too few for a mean: give ${fewestTokens} at least, better some thousand.`,
  )
}

/** Undefined: interrupted. */
async function measure(
  model: LoadedModel,
  texts: readonly (readonly number[])[],
  flags: CalibrateFlags,
  signal: AbortSignal,
): Promise<Calibration | undefined> {
  const total = countOf(texts)
  using progress = new ProgressLine(process.stderr, 'tokens')
  const steps = calibrate(model.llama, texts, { threads: model.threads })
  try {
    progress.update(0, total)
    for (;;) {
      const step = steps.next()
      if (step.done) return flags.import === undefined ? step.value : importStatistics(flags.import, step.value)
      progress.update(step.value, total)
      if (await isInterrupted(signal)) return undefined
    }
  } finally {
    steps.return(undefined as never)
  }
}

function countOf(texts: readonly { readonly length: number }[]): number {
  return texts.reduce((sum, { length }) => sum + length, 0)
}

function summaryOf({ model, tokens, layers }: CalibrationFile, output: string): string {
  const heads = layers.reduce((sum, layer) => sum + layer.heads, 0)
  const source = tokens === 0 ? 'imported' : `from ${counted(tokens, 'token')}`
  return `${output}: mean queries of ${counted(heads, 'head')} in ${counted(layers.length, 'layer')} of ${model.name}, ${source}`
}

function recordOf(file: CalibrationFile, output: string, flags: CalibrateFlags) {
  const { model, tokens, layers, rotation } = file
  return {
    schema: 'dynts.calibrate/1',
    output,
    model,
    source: flags.import ?? flags.text ?? flags.traces ?? 'built-in',
    tokens,
    layers: layers.length,
    heads: layers[0]?.heads ?? 0,
    pairing: rotation.pairing,
    pairs: rotation.frequencies.length,
    scale: rotation.scale,
    versions: { dynts: packageVersion() },
  }
}
