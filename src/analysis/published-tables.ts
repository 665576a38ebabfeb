/**
 * What the paper printed of its two models' accuracy and throughput, for comparison. Never part of a series of ours.
 *
 * Source: arXiv 2601.18383, Tables 1 and 2. Pass@1 in percent, mean of 5 samples; tokens per second in the authors' way (forward
 * passes only), 20 sequences in parallel on 8 H800.
 */

/** The tasks of the tables, in their order, by their names here, and the problems that each has. */
export const publishedTasks = [
  { task: 'aime24', problems: 30 },
  { task: 'aime25', problems: 30 },
  { task: 'amc23', problems: 40 },
  { task: 'gpqa-diamond', problems: 198 },
  { task: 'gaokao2023en', problems: 385 },
  { task: 'math500', problems: 500 },
] as const

export const publishedSamples = 5

export type PublishedModel = 'DeepSeek-R1-Distill-Llama-8B' | 'DeepSeek-R1-Distill-Qwen-7B'

type Six = readonly [number, number, number, number, number, number]

interface PublishedRow {
  /** 1: with throughput; 2: the ablation. */
  readonly table: 1 | 2
  /** Shape [tasks], percent. */
  readonly accuracy: Six
  /** Shape [tasks]; undefined in Table 2. */
  readonly tokensPerSecond?: Six
}

/** By the policy's name here; question and local window are not protected where the paper does not say so. */
const tables: Readonly<Record<PublishedModel, Readonly<Record<string, PublishedRow>>>> = {
  'DeepSeek-R1-Distill-Llama-8B': {
    full: {
      table: 1,
      accuracy: [47.3, 28.6, 86.5, 46.4, 73.1, 87.5],
      tokensPerSecond: [215.1, 213.9, 200.6, 207.9, 390.9, 323.4],
    },
    window: {
      table: 1,
      accuracy: [18.6, 14.6, 59.5, 37.6, 47.0, 58.1],
      tokensPerSecond: [447.9, 441.3, 409.4, 408.8, 622.6, 590.5],
    },
    'streaming-llm': {
      table: 1,
      accuracy: [20.6, 16.6, 65.0, 37.8, 53.4, 66.1],
      tokensPerSecond: [445.8, 445.7, 410.9, 407.4, 624.6, 592.1],
    },
    sepllm: {
      table: 1,
      accuracy: [30.0, 20.0, 71.0, 39.7, 61.4, 74.5],
      tokensPerSecond: [448.2, 445.1, 414.1, 406.6, 635.0, 600.4],
    },
    h2o: {
      table: 1,
      accuracy: [38.6, 22.6, 82.5, 41.6, 67.5, 82.7],
      tokensPerSecond: [426.2, 423.4, 396.1, 381.5, 601.8, 573.4],
    },
    snapkv: {
      table: 1,
      accuracy: [39.3, 24.6, 80.5, 41.9, 68.7, 83.1],
      tokensPerSecond: [438.2, 436.3, 406.9, 394.1, 615.7, 584.5],
    },
    'r-kv': {
      table: 1,
      accuracy: [44.0, 26.0, 86.5, 44.5, 71.4, 85.2],
      tokensPerSecond: [437.4, 434.7, 409.5, 394.9, 622.6, 589.2],
    },
    dynts: {
      table: 1,
      accuracy: [49.3, 29.3, 87.0, 46.3, 72.3, 87.2],
      tokensPerSecond: [444.6, 443.5, 412.9, 397.6, 631.8, 608.2],
    },
    'dynts-no-local': { table: 2, accuracy: [40.6, 23.3, 86.5, 46.3, 72.0, 85.5] },
    'dynts-no-question': { table: 2, accuracy: [19.3, 14.6, 59.0, 38.1, 47.8, 59.8] },
    'question-window': { table: 2, accuracy: [44.0, 27.3, 85.0, 44.0, 71.5, 85.9] },
    random: { table: 2, accuracy: [24.6, 16.0, 59.5, 37.4, 51.7, 63.9] },
    'dynts-bottom': { table: 2, accuracy: [20.6, 15.3, 59.0, 37.3, 47.3, 59.5] },
  },
  'DeepSeek-R1-Distill-Qwen-7B': {
    full: {
      table: 1,
      accuracy: [52.0, 35.3, 87.5, 49.0, 77.9, 91.3],
      tokensPerSecond: [357.2, 354.3, 376.2, 349.4, 593.7, 517.3],
    },
    window: {
      table: 1,
      accuracy: [41.3, 31.3, 82.0, 45.9, 71.8, 85.0],
      tokensPerSecond: [650.4, 643.0, 652.3, 634.1, 815.2, 767.0],
    },
    'streaming-llm': {
      table: 1,
      accuracy: [42.0, 29.3, 85.0, 45.9, 71.2, 85.8],
      tokensPerSecond: [655.7, 648.5, 657.2, 631.1, 824.0, 786.1],
    },
    sepllm: {
      table: 1,
      accuracy: [38.6, 31.3, 85.5, 45.6, 72.0, 84.4],
      tokensPerSecond: [650.0, 647.6, 653.2, 639.5, 820.1, 792.2],
    },
    h2o: {
      table: 1,
      accuracy: [42.6, 33.3, 84.5, 48.1, 74.1, 87.0],
      tokensPerSecond: [610.9, 610.7, 609.9, 593.6, 780.1, 725.4],
    },
    snapkv: {
      table: 1,
      accuracy: [48.6, 33.3, 87.5, 46.5, 74.9, 88.2],
      tokensPerSecond: [639.6, 633.1, 633.2, 622.0, 787.4, 768.7],
    },
    'r-kv': {
      table: 1,
      accuracy: [44.0, 32.6, 85.0, 47.2, 75.8, 88.8],
      tokensPerSecond: [639.5, 634.7, 636.8, 615.1, 792.8, 765.5],
    },
    dynts: {
      table: 1,
      accuracy: [52.0, 36.6, 88.5, 48.1, 76.4, 90.0],
      tokensPerSecond: [645.6, 643.0, 646.0, 625.7, 788.5, 779.5],
    },
    'dynts-no-local': { table: 2, accuracy: [42.0, 32.0, 87.5, 46.3, 75.2, 87.0] },
    'dynts-no-question': { table: 2, accuracy: [46.0, 36.0, 86.0, 43.9, 75.1, 89.0] },
    'question-window': { table: 2, accuracy: [47.3, 34.6, 85.5, 49.1, 75.1, 89.2] },
    random: { table: 2, accuracy: [46.0, 32.6, 84.5, 47.5, 73.8, 86.9] },
    'dynts-bottom': { table: 2, accuracy: [38.0, 30.0, 80.0, 44.3, 69.8, 83.3] },
  },
}

/** Which of the paper's models a GGUF's name is of, e.g. `DeepSeek R1 Distill Qwen 7B`; undefined: none. */
export function publishedModel(name: string): PublishedModel | undefined {
  const plain = lettersOf(name)
  return (Object.keys(tables) as PublishedModel[]).find((model) => plain.includes(lettersOf(model)))
}

function lettersOf(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '')
}

export interface PublishedResult {
  readonly table: 1 | 2
  /** Percent. */
  readonly accuracy: number
  readonly tokensPerSecond: number | null
  /** To the full cache's, in the authors' way. */
  readonly speedup: number | null
  readonly problems: number
}

/** @param policy as it was run: `h2o`, not `h2o+question`, of which the paper has nothing */
export function publishedResult(model: string, task: string, policy: string): PublishedResult | undefined {
  const known = publishedModel(model)
  const index = publishedTasks.findIndex((one) => one.task === task)
  const { problems } = publishedTasks[index] ?? {}
  if (known === undefined || problems === undefined) return undefined
  const row = tables[known][policy]
  const accuracy = row?.accuracy[index]
  if (!row || accuracy === undefined) return undefined
  const tokensPerSecond = row.tokensPerSecond?.[index] ?? null
  const full = tables[known]['full']?.tokensPerSecond?.[index]
  const speedup = tokensPerSecond === null || full === undefined ? null : tokensPerSecond / full
  return { table: row.table, accuracy, tokensPerSecond, speedup, problems }
}
