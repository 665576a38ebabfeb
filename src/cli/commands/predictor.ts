/**
 * `dynts predictor`: predictor files. Loads no model.
 */
import { constants } from 'node:fs'
import { access, mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
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
  writeCheckpoint(loadLibrary('off'), output, checkpoint)
  process.stdout.write(`${output}\n`)
  process.stderr.write(`A predictor of ${shape.join(' x ')} for ${info.name}.\n`)
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
