/**
 * `dynts predictor export`: the weights of a predictor in the authors' safetensors naming. Loads no model.
 */
import { existsSync } from 'node:fs'
import { Command } from 'commander'
import { InputError } from '../../errors.ts'
import { predictorShape, readCheckpoint, writeSafetensorsPredictor } from '../../predictor/index.ts'
import { writeFileAtomic } from '../../records/atomic-file.ts'
import { checkOutputFolder } from '../output/made-file.ts'

interface ExportFlags {
  readonly output: string
  readonly force?: boolean
}

export function predictorExportCommand(): Command {
  return new Command('export')
    .description('Write a predictor’s weights as the authors’ safetensors (is_head.0/2/4.weight)')
    .argument('<file>', 'a predictor')
    .requiredOption('-o, --output <file>', 'the safetensors file to write')
    .option('-f, --force', 'replace a file that is there already')
    .action((file: string, flags: ExportFlags) => exportPredictor(file, flags))
}

async function exportPredictor(file: string, { output, force }: ExportFlags): Promise<void> {
  const checkpoint = await readCheckpoint(file)
  checkOutputFolder(output)
  if (existsSync(output) && force !== true)
    throw new InputError('output_exists', `${output} exists already. Use --force to replace it.`)
  writeFileAtomic(output, (partial) => writeSafetensorsPredictor(partial, checkpoint.matrices))
  process.stdout.write(`${output}\n`)
  process.stderr.write(
    `Weights of ${predictorShape(checkpoint).join(' x ')}. The format has no place for the target (${checkpoint.target}), ` +
      'the model and the recommended settings: give them when you import it again.\n',
  )
}
