/**
 * The cache lengths that the paper printed, for comparison. Never part of a series of ours.
 *
 * Source: arXiv 2601.18383, Figure 13, in thousands of cells. Lengths above 16,384 new tokens and the prompt are no means of single
 * sequences: they are those of the longest, padded batch. The labels of GaoKao2023En and GPQA-D are exchanged there, as the budgets tell;
 * here each has its own.
 */
import { publishedModel, publishedTasks, type PublishedModel } from './published-tables.ts'

type Six = readonly [number, number, number, number, number, number]

/** Shape [tasks], in the order of the tables. */
const lengths: Readonly<Record<PublishedModel, Readonly<Record<string, Six>>>> = {
  'DeepSeek-R1-Distill-Llama-8B': {
    full: [16.8, 17.2, 16.7, 19.2, 16.7, 17.2],
    dynts: [5.0, 5.0, 5.0, 5.0, 3.0, 3.0],
  },
  'DeepSeek-R1-Distill-Qwen-7B': {
    full: [17.0, 17.3, 16.7, 19.2, 16.7, 17.3],
    dynts: [5.0, 5.1, 5.0, 5.0, 3.0, 3.0],
  },
}

/** Cells; undefined: the paper has no such length of this model, task or policy. */
export function publishedCacheLength(model: string, task: string, policy: string): number | undefined {
  const known = publishedModel(model)
  const index = publishedTasks.findIndex((one) => one.task === task)
  const thousands = known === undefined ? undefined : lengths[known][policy]?.[index]
  return thousands === undefined ? undefined : Math.round(1000 * thousands)
}
