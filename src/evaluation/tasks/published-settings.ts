/**
 * The settings that the paper used, by task and model. Source: arXiv 2601.18383, section 5 and appendix C.
 */
import type { PublishedSettings } from './task.ts'

/** As its file has it. */
const embeddedName = 'dynts tiny reasoner'
const sampling = { temperature: 0.6, topP: 0.95, topK: 20 }
const run = { sampling, maxTokens: 16_384, samples: 5, parallel: 20 }

/** AIME24, AIME25, AMC23 and GPQA-Diamond; the paper has no AIME26 and no HMMT, which are as long. */
export function longSettings(modelName: string): PublishedSettings {
  return { ...run, budget: 5000, localWindow: 2000, ratio: ratioOf(modelName) }
}

/** GaoKao2023En and MATH500; the paper has no GSM8K, which is as short, and no programs or puzzles. */
export function shortSettings(modelName: string): PublishedSettings {
  return { ...run, budget: 3000, localWindow: isLlama(modelName) ? 1000 : 1500, ratio: ratioOf(modelName) }
}

/** The embedded model's problems are not in the paper: budgets as far below the full cache as there. */
export const chainSettings: PublishedSettings = {
  sampling,
  maxTokens: 1024,
  samples: 1,
  parallel: 8,
  budget: 320,
  localWindow: 32,
  ratio: 0.5,
}

/** Of questions and traces that the user gives: the embedded model thinks as briefly on them as on its own problems. */
export function fileSettings(modelName: string): PublishedSettings {
  return modelName === embeddedName ? chainSettings : shortSettings(modelName)
}

function ratioOf(modelName: string): number {
  return isLlama(modelName) ? 0.3 : 0.4
}

function isLlama(modelName: string): boolean {
  return /llama/i.test(modelName)
}
