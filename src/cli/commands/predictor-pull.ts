/**
 * `dynts predictor pull`: downloads a predictor from the Hub into the cache, or its newer version. Loads nothing.
 */
import { Command } from 'commander'
import { InputError } from '../../errors.ts'
import { parsePredictorReference, resolvePredictor } from '../../models/predictor-reference.ts'
import { predictorShape, readCheckpoint } from '../../predictor/index.ts'
import { whileDownloading } from '../find-model.ts'
import { onInterrupt } from '../interrupt.ts'

export function predictorPullCommand(): Command {
  return new Command('pull')
    .description('Download a predictor, or its newer version')
    .argument('<predictor>', 'hf:user/repo, hf:user/repo:FILE.predictor.gguf, or an address on huggingface.co')
    .action(pull)
}

async function pull(text: string): Promise<void> {
  const reference = parsePredictorReference(text)
  if (!reference) {
    throw new InputError(
      'predictor_reference',
      `${text} is a path. Give hf:user/repo or hf:user/repo:FILE.predictor.gguf.`,
    )
  }
  using signal = onInterrupt()
  const found = await whileDownloading(signal, (onProgress) =>
    resolvePredictor(reference, undefined, { refresh: true, signal, onProgress }),
  )
  if (!found) return
  const checkpoint = await readCheckpoint(found.path)
  process.stderr.write(`A predictor of ${predictorShape(checkpoint).join(' x ')} for ${checkpoint.model.name}.\n`)
  process.stdout.write(`${found.path}\n`)
}
