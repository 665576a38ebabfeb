/**
 * `dynts predictor`: predictor files. One file for each of its commands.
 */
import { Command } from 'commander'
import { predictorEvaluateCommand } from './predictor-evaluate.ts'
import { predictorExportCommand } from './predictor-export.ts'
import { predictorImportCommand } from './predictor-import.ts'
import { predictorInspectCommand } from './predictor-inspect.ts'
import { predictorPullCommand } from './predictor-pull.ts'

export function predictorCommand(): Command {
  return new Command('predictor')
    .addCommand(predictorInspectCommand())
    .addCommand(predictorEvaluateCommand())
    .addCommand(predictorImportCommand())
    .addCommand(predictorExportCommand())
    .addCommand(predictorPullCommand())
}
