/**
 * `dynts predictor import`: a predictor file from the authors' safetensors. Loads no model.
 */
import { Command } from 'commander'
import { fingerprint } from '../../engine/locate-model.ts'
import { InputError } from '../../errors.ts'
import { loadLibrary } from '../../llama/index.ts'
import { inspectGguf } from '../../models/gguf-file.ts'
import {
  defaultTarget,
  parseTarget,
  predictorShape,
  readSafetensorsPredictor,
  writeCheckpoint,
  type PredictorCheckpoint,
} from '../../predictor/index.ts'
import { writeFileAtomic } from '../../records/atomic-file.ts'
import { findModelFile } from '../find-model.ts'
import { onInterrupt } from '../interrupt.ts'
import {
  addRecommendationOptions,
  checkPredictorOutput,
  predictorPathOf,
  recommendationOf,
  type Recommendation,
} from '../train/predictor-file.ts'

interface ImportFlags extends Recommendation {
  readonly model: string
  readonly output?: string
  readonly target: string
  readonly force?: boolean
  readonly offline?: boolean
}

export function predictorImportCommand(): Command {
  const command = new Command('import')
    .description('Make a predictor file from the authors’ safetensors (is_head.0/2/4.weight)')
    .argument('<file>', 'a safetensors file')
    .requiredOption('-m, --model <model>', 'the model that it was trained for')
    .option('-o, --output <file>', 'where to write it (default: beside the model, else the cache folder)')
    .option('--target <target>', 'scale of what it estimates: power:P, linear, x10000 or box-cox', defaultTarget)
  return addRecommendationOptions(command)
    .option('-f, --force', 'replace a predictor that is there already')
    .option('--offline', 'never ask the network')
    .action((file: string, flags: ImportFlags) => importPredictor(file, flags))
}

async function importPredictor(file: string, flags: ImportFlags): Promise<void> {
  const target = parseTarget(flags.target)
  const recommendation = recommendationOf(flags)
  const matrices = await readSafetensorsPredictor(file)
  using signal = onInterrupt()
  const found = await findModelFile(flags, signal)
  if (!found) return
  const { path } = found
  const info = await inspectGguf(path)
  const shape = predictorShape({ matrices })
  if (shape[0] !== info.hiddenSize) {
    throw new InputError(
      'predictor_mismatch',
      `${file} takes hidden states of size ${shape[0]}, but those of ${info.name} have ${info.hiddenSize}`,
    )
  }
  const checkpoint: PredictorCheckpoint = { matrices, target, model: fingerprint(info), ...recommendation }
  const output = flags.output ?? (await predictorPathOf(path))
  await checkPredictorOutput(output, flags.force === true)
  writeFileAtomic(output, (partial) => writeCheckpoint(loadLibrary('off'), partial, checkpoint))
  process.stdout.write(`${output}\n`)
  process.stderr.write(`A predictor of ${shape.join(' x ')} for ${info.name}.\n`)
}
