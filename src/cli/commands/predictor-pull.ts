/**
 * `dynts predictor pull`: downloads a predictor from the Hub into the cache, or its newer version. Loads nothing.
 */
import { Command } from 'commander'
import { predictorShape, readCheckpoint } from '../../predictor/index.ts'
import { pullMadeFile } from '../pull-made-file.ts'

export function predictorPullCommand(): Command {
  return new Command('pull')
    .description('Download a predictor, or its newer version')
    .argument('<predictor>', 'hf:user/repo, hf:user/repo:FILE.predictor.gguf, or an address on huggingface.co')
    .action((text: string) => pullMadeFile('predictor', text, describe))
}

async function describe(path: string): Promise<string> {
  const checkpoint = await readCheckpoint(path)
  return `A predictor of ${predictorShape(checkpoint).join(' x ')} for ${checkpoint.model.name}.`
}
