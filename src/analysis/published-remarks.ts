/**
 * What has to be said beside published numbers: where they are of another method than the policy of that name here, where the paper
 * contradicts itself, and which of its differences are within their error.
 *
 * Source: arXiv 2601.18383, and the authors' code (docs/fidelity.md).
 */
import { publishedPareto } from './pareto/published-pareto.ts'
import { publishedResult, publishedSamples, publishedTasks, type PublishedModel } from './published-tables.ts'

/** By the policy's name here. */
const otherMethods: Readonly<Record<string, string>> = {
  'question-window': 'w.o. T, which keeps the question and the local window alone, and so fewer cells',
  random: 'T-Random, which thins the question out',
  'dynts-bottom': 'T-Bottom, which loses the question first',
  'dynts-no-local': 'w.o. L, at B 3000 with W_l 1',
  h2o: 'H2O with the attention of one query only',
}

/** The published rows that stand beside these policies and are of something else. */
export function otherMethodRemarks(policies: readonly string[]): string[] {
  const told = Object.entries(otherMethods).flatMap(([policy, method]) =>
    policies.includes(policy) ? [`${policy} is ${method}`] : [],
  )
  return told.length === 0 ? [] : [`other methods there: ${told.join('; ')}`]
}

/** DynTS beside the full cache of one task, where the difference says nothing; percent. */
export function withinErrorRemarks(model: string, task: string): string[] {
  const [dynts, full] = [publishedResult(model, task, 'dynts'), publishedResult(model, task, 'full')]
  if (!dynts || !full) return []
  const difference = dynts.accuracy - full.accuracy
  const share = full.accuracy / 100
  // As if the samples of a problem were independent, which makes it too small rather than too large.
  const error = 100 * Math.sqrt((share * (1 - share)) / (full.problems * publishedSamples))
  if (difference === 0 || Math.abs(difference) >= error) return []
  const signed = `${difference > 0 ? '+' : '−'}${Math.abs(difference).toFixed(1)}`
  return [`DynTS is ${signed} to full there, within one standard error (${error.toFixed(1)} or more)`]
}

/** Of the means over all six tasks. */
export const meansRemark =
  'the text says R1-Llama of both its pairs of means: 61.9 to 61.6 are, 65.3 to 65.5 are those of R1-Qwen'

/** Of the speeds. */
export const latencyRemark = 'the abstract’s latency, 1.84 to 2.62 times less, is in no table'

/** By the tables' names of Figures 3 and 12. */
const models: Readonly<Record<string, PublishedModel>> = {
  'R1-Llama': 'DeepSeek-R1-Distill-Llama-8B',
  'R1-Qwen': 'DeepSeek-R1-Distill-Qwen-7B',
}
const shortNames = ['AIME24', 'AIME25', 'AMC23', 'GPQA-D', 'GK23EN', 'MATH500']

/** Points by which all of the thinking is above Table 1 in Figure 12, whose traces are complete ones only: the least and the most. */
export function fullAboveTable(): { readonly least: number; readonly most: number } {
  const differences = publishedPareto.map(({ model, task, full }) => {
    const { task: name = '' } = publishedTasks[shortNames.indexOf(task)] ?? {}
    return full - (publishedResult(models[model] ?? '', name, 'full')?.accuracy ?? NaN)
  })
  return { least: Math.min(...differences), most: Math.max(...differences) }
}
