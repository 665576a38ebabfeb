/**
 * `dynts predictor inspect`: what a predictor's file says of itself. Loads nothing.
 */
import { Command } from 'commander'
import { readCheckpoint } from '../../predictor/index.ts'
import { predictorFacts, predictorTable } from '../train/predictor-facts.ts'
import { writeResult } from '../output/write.ts'

export function predictorInspectCommand(): Command {
  return new Command('inspect')
    .description('What a predictor is, which model it belongs to, and how good it was on held-out traces')
    .argument('<file>', 'a predictor')
    .option('--json', 'print JSON')
    .action(async (file: string, flags: { json?: boolean }) => {
      const facts = predictorFacts(await readCheckpoint(file))
      writeResult(flags, facts, predictorTable(facts))
    })
}
