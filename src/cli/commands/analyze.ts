/**
 * `dynts analyze`: the paper's analyses. One file for each of its commands.
 */
import { Command } from 'commander'
import { analyzeCostCommand } from './analyze-cost.ts'

export function analyzeCommand(): Command {
  return new Command('analyze')
    .description('The paper’s analyses: what a bounded cache costs and saves')
    .addCommand(analyzeCostCommand())
}
