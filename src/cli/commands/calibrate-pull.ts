/**
 * `dynts calibrate pull`: downloads a calibration from the Hub into the cache, or its newer version. Loads nothing.
 */
import { Command } from 'commander'
import { readCalibration } from '../../calibration/calibration-file.ts'
import { counted } from '../output/counted.ts'
import { pullMadeFile } from '../pull-made-file.ts'

export function calibratePullCommand(): Command {
  return new Command('pull')
    .description('Download a calibration, or its newer version')
    .argument('<calibration>', 'hf:user/repo, hf:user/repo:FILE.calibration.gguf, or an address on huggingface.co')
    .action((text: string) => pullMadeFile('calibration', text, describe))
}

async function describe(path: string): Promise<string> {
  const { layers, model } = await readCalibration(path)
  return `A calibration of ${counted(layers.length, 'layer')} for ${model.name}.`
}
