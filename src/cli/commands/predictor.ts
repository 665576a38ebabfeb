/**
 * `dynts predictor`: predictor files. Loads no model.
 */
import { constants, existsSync } from 'node:fs'
import { access, mkdir, rename, rm } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { Command } from 'commander'
import { validateCacheSettings } from '../../cache/budget.ts'
import { fingerprint } from '../../engine/model.ts'
import { resolveCacheSettings } from '../../engine/prepare.ts'
import { InputError } from '../../errors.ts'
import { loadLibrary } from '../../llama/index.ts'
import { inspectGguf } from '../../models/gguf-file.ts'
import { resolveModel } from '../../models/resolve.ts'
import {
  defaultTarget,
  parseTarget,
  predictorFolder,
  predictorName,
  predictorShape,
  readCheckpoint,
  readSafetensorsPredictor,
  writeCheckpoint,
  type PredictorCheckpoint,
} from '../../predictor/index.ts'
import { number } from '../run-options.ts'

interface ImportFlags {
  readonly model: string
  readonly output?: string
  readonly target: string
  readonly budget?: number
  readonly localWindow?: number
  readonly ratio?: number
  readonly force?: boolean
  readonly offline?: boolean
}

export function predictorCommand(): Command {
  const command = new Command('predictor').description('Importance predictors')
  command
    .command('import')
    .description('Make a predictor file from the authors’ safetensors (is_head.0/2/4.weight)')
    .argument('<file>', 'a safetensors file')
    .requiredOption('-m, --model <model>', 'the model that it was trained for')
    .option('-o, --output <file>', 'where to write it (default: beside the model, else the cache folder)')
    .option('--target <target>', 'scale of what it estimates: power:P, linear, x10000 or box-cox', defaultTarget)
    .option('-b, --budget <cells>', 'recommended budget', number)
    .option('--local-window <cells>', 'recommended local window', number)
    .option('--ratio <share>', 'recommended retention ratio', number)
    .option('-f, --force', 'replace a predictor that is there already')
    .option('--offline', 'never ask the network')
    .action((file: string, flags: ImportFlags) => importPredictor(file, flags))
  return command
}

async function importPredictor(file: string, flags: ImportFlags): Promise<void> {
  const target = parseTarget(flags.target)
  const matrices = await readSafetensorsPredictor(file)
  const { path } = await resolveModel(flags.model, { offline: flags.offline })
  const info = await inspectGguf(path)
  const shape = predictorShape({ matrices })
  if (shape[0] !== info.hiddenSize) {
    throw new InputError(
      'predictor_mismatch',
      `${file} takes hidden states of size ${shape[0]}, but those of ${info.name} have ${info.hiddenSize}`,
    )
  }
  const checkpoint: PredictorCheckpoint = {
    matrices,
    target,
    model: fingerprint(info),
    ...recommendation(flags),
  }
  const output = flags.output ?? (await writablePath(path))
  await checkOutput(output, flags.force === true)
  // Renaming is atomic: nobody ever reads half a predictor.
  const partial = `${output}.${process.pid}.partial`
  try {
    writeCheckpoint(loadLibrary('off'), partial, checkpoint)
    await rename(partial, output)
  } finally {
    await rm(partial, { force: true })
  }
  process.stdout.write(`${output}\n`)
  process.stderr.write(`A predictor of ${shape.join(' x ')} for ${info.name}.\n`)
}

/** @throws InputError `output_exists` for a file that is no predictor, or one that `--force` does not allow to replace */
async function checkOutput(output: string, force: boolean): Promise<void> {
  const folder = dirname(resolve(output))
  if (!existsSync(folder))
    throw new InputError('no_output_folder', `There is no folder ${folder}. Make it, or give another --output.`)
  if (!existsSync(output)) return
  const isPredictor = await readCheckpoint(output).then(
    () => true,
    () => false,
  )
  if (!isPredictor)
    throw new InputError('output_exists', `${output} exists and is no predictor. Give another --output.`)
  if (!force)
    throw new InputError('output_exists', `There is a predictor at ${output} already. Use --force to replace it.`)
}

function recommendation({
  budget,
  localWindow,
  ratio,
}: ImportFlags): Pick<PredictorCheckpoint, 'budget' | 'localWindow' | 'ratio'> {
  validateCacheSettings(resolveCacheSettings({}, { budget, localWindow, ratio }))
  return {
    ...(budget === undefined ? {} : { budget }),
    ...(localWindow === undefined ? {} : { localWindow }),
    ...(ratio === undefined ? {} : { ratio }),
  }
}

/** Beside the model if that folder can be written, so that it is found by itself. */
async function writablePath(modelPath: string): Promise<string> {
  const name = predictorName(modelPath)
  const beside = dirname(modelPath)
  try {
    await access(beside, constants.W_OK)
    return join(beside, name)
  } catch {
    await mkdir(predictorFolder(), { recursive: true })
    return join(predictorFolder(), name)
  }
}
