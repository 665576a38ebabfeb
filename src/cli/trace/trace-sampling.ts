/** How the tokens of traces, and of answers from parts of them, are drawn. */
import type { Command } from 'commander'
import { defaultSampling as usual } from '../../llama/index.ts'
import type { TraceSampling } from '../../traces/trace-job.ts'
import { number } from '../options/option-values.ts'

/** As commander gives them. */
export interface TraceSamplingFlags {
  readonly temperature: number
  readonly topP?: number
  readonly topK?: number
  readonly minP?: number
}

export function addTraceSamplingOptions(command: Command): Command {
  return command
    .option('-t, --temperature <t>', '0 is greedy', number, usual.temperature)
    .option('--top-p <p>', `1 is off (default: ${usual.topP})`, number)
    .option('--top-k <k>', `0 is off (default: ${usual.topK})`, number)
    .option('--min-p <p>', `0 is off (default: ${usual.minP})`, number)
}

export function samplingOf({ temperature, ...given }: TraceSamplingFlags): TraceSampling {
  const { topP = usual.topP, topK = usual.topK, minP = usual.minP } = given
  return { temperature, topP, topK, minP }
}
