/**
 * `dynts analyze`: the paper's analyses. One file for each of its commands.
 */
import { Command } from 'commander'
import { analyzeCostCommand } from './analyze-cost.ts'
import { analyzeImportanceCommand } from './analyze-importance.ts'
import { analyzeKeptCommand } from './analyze-kept.ts'
import { analyzeLiveCommand } from './analyze-live.ts'
import { analyzeParetoCommand } from './analyze-pareto.ts'
import { analyzeWordsCommand } from './analyze-words.ts'

export function analyzeCommand(): Command {
  return new Command('analyze')
    .addCommand(analyzeCostCommand())
    .addCommand(analyzeImportanceCommand())
    .addCommand(analyzeWordsCommand())
    .addCommand(analyzeParetoCommand())
    .addCommand(analyzeKeptCommand())
    .addCommand(analyzeLiveCommand())
}
