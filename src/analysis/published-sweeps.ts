/**
 * What the paper printed of DynTS at other budgets, local windows and ratios, for comparison. Never part of a series of ours.
 *
 * Source: arXiv 2601.18383, Figures 8 and 16 (budgets, at W_l 2000) and 6 and 17 (local windows and ratios, at B 5000). Pass@1 in percent,
 * mean of 5 samples, printed as numbers. Tokens per second are read off the pictures, give or take 10, in the authors' way.
 */
import { publishedModel, publishedTasks, type PublishedModel } from './published-tables.ts'

/** The tasks of both sweeps; the paper's means are over them. */
const sweptTasks = ['aime24', 'aime25', 'amc23', 'gpqa-diamond'] as const
type Swept = (typeof sweptTasks)[number] | 'mean'

interface Budgets {
  /** Shape [6], percent. */
  readonly accuracy: readonly number[]
  /** Shape [6], tokens per second; null: cannot be read. */
  readonly tokensPerSecond?: readonly (number | null)[]
  /** The budget whose accuracy was not printed, and follows from the mean of the four tasks. */
  readonly derivedAt?: number
}

const budgets = [2500, 3000, 3500, 4000, 4500, 5000]
const budgetWindow = 2000

const byBudget: Readonly<Record<PublishedModel, Readonly<Record<Swept, Budgets>>>> = {
  'DeepSeek-R1-Distill-Llama-8B': {
    mean: { accuracy: [44.2, 50.4, 51.0, 50.8, 49.9, 53.0], tokensPerSecond: [578, 525, 490, 470, 450, 420] },
    // The text has the first and the last.
    aime24: { accuracy: [40.0, 44.7, 45.3, 42.0, 39.3, 49.3], tokensPerSecond: [600, null, null, null, null, 445] },
    aime25: { accuracy: [20.0, 24.6, 29.3, 28.0, 28.0, 29.3], derivedAt: 3000 },
    amc23: { accuracy: [79.0, 86.5, 84.0, 87.0, 87.0, 87.0] },
    'gpqa-diamond': { accuracy: [37.9, 45.8, 45.1, 46.3, 45.5, 46.4] },
  },
  'DeepSeek-R1-Distill-Qwen-7B': {
    mean: { accuracy: [49.8, 52.6, 54.1, 54.3, 54.3, 56.3], tokensPerSecond: [740, 700, 670, 670, 650, 620] },
    aime24: { accuracy: [42.7, 46.0, 42.0, 46.0, 48.0, 52.0], tokensPerSecond: [780, 760, 750, 670, 650, 630] },
    aime25: { accuracy: [30.0, 33.3, 36.0, 36.0, 34.0, 36.7], tokensPerSecond: [780, 760, 730, 690, 670, 650] },
    amc23: { accuracy: [82.0, 84.5, 90.5, 87.5, 87.0, 88.5], tokensPerSecond: [785, 730, 760, 700, 680, 650] },
    'gpqa-diamond': { accuracy: [44.6, 46.7, 48.0, 47.8, 48.4, 48.2], tokensPerSecond: [775, 740, 710, 680, 660, 630] },
  },
}

const windows = [3000, 2000, 1000, 500]
const ratios = [0.1, 0.2, 0.3, 0.4, 0.5]
const windowBudget = 5000

/** Rows are local windows from 3000 to 500, columns ratios from 0.1 to 0.5. Shape [4, 5], percent. */
type Grid = readonly (readonly number[])[]

const byWindow: Readonly<Record<PublishedModel, Readonly<Record<Swept, Grid>>>> = {
  'DeepSeek-R1-Distill-Llama-8B': {
    mean: [
      [49.1, 50.1, 50.6, 50.7, 51.4],
      [49.5, 51.7, 52.8, 52.5, 50.9],
      [49.9, 52.7, 51.0, 51.9, 51.7],
      [49.8, 52.1, 50.7, 50.8, 51.7],
    ],
    aime24: [
      [41.3, 42.7, 45.3, 44.7, 42.7],
      [44.7, 47.3, 49.3, 46.0, 43.3],
      [39.3, 49.3, 45.3, 44.0, 46.0],
      [40.0, 45.3, 41.3, 42.7, 46.7],
    ],
    aime25: [
      [25.3, 26.7, 27.3, 27.3, 28.0],
      [24.0, 26.7, 29.3, 30.7, 26.7],
      [27.3, 26.7, 27.3, 28.7, 28.0],
      [26.7, 30.7, 24.0, 26.7, 26.7],
    ],
    amc23: [
      [85.5, 87.0, 85.0, 86.0, 89.0],
      [84.0, 87.0, 87.0, 86.0, 88.0],
      [87.5, 88.0, 86.0, 88.5, 86.5],
      [86.5, 86.5, 89.0, 87.5, 86.5],
    ],
    'gpqa-diamond': [
      [44.1, 44.2, 44.9, 44.9, 45.8],
      [45.1, 45.8, 45.4, 47.4, 45.6],
      [45.5, 46.8, 45.5, 46.6, 46.5],
      [46.2, 45.8, 48.4, 46.3, 46.9],
    ],
  },
  'DeepSeek-R1-Distill-Qwen-7B': {
    mean: [
      [53.9, 53.9, 53.2, 54.4, 53.8],
      [52.4, 51.9, 54.6, 56.3, 53.7],
      [52.2, 54.4, 53.8, 53.3, 53.0],
      [51.5, 51.8, 52.0, 54.3, 54.6],
    ],
    aime24: [
      [47.3, 46.0, 42.7, 46.0, 47.3],
      [42.7, 44.0, 47.3, 52.0, 43.3],
      [44.0, 47.3, 45.3, 42.0, 43.3],
      [42.7, 40.0, 42.7, 46.0, 48.7],
    ],
    aime25: [
      [34.7, 35.3, 34.7, 36.0, 34.0],
      [32.7, 30.7, 34.0, 36.7, 36.0],
      [32.0, 34.7, 35.3, 35.3, 32.0],
      [31.3, 34.0, 31.3, 35.3, 35.3],
    ],
    amc23: [
      [86.5, 87.5, 88.0, 86.5, 85.5],
      [87.5, 85.0, 87.5, 88.5, 87.5],
      [85.5, 88.0, 88.0, 87.5, 88.5],
      [86.5, 85.5, 87.0, 88.5, 88.5],
    ],
    'gpqa-diamond': [
      [47.1, 46.7, 47.6, 49.1, 48.3],
      [46.7, 48.1, 49.7, 48.2, 48.0],
      [47.2, 47.5, 46.4, 48.3, 48.2],
      [45.7, 47.6, 47.2, 47.5, 46.1],
    ],
  },
}

export interface PublishedPoint {
  readonly budget: number
  readonly localWindow: number
  readonly ratio: number
  /** Percent. */
  readonly accuracy: number
  /** Read off the picture; null: not shown, or cannot be read. */
  readonly tokensPerSecond: number | null
}

export interface PublishedSweep {
  readonly figure: 6 | 8 | 16 | 17
  readonly model: PublishedModel
  /** Of each task. */
  readonly problems: readonly number[]
  readonly points: readonly PublishedPoint[]
  /** What has to be said beside the numbers. */
  readonly remarks: readonly string[]
}

/**
 * Figure 16 of one task, Figure 8 of all four.
 * @param model a GGUF's name
 * @param tasks one task, or those of a mean
 * @returns undefined: nothing is published of these
 */
export function publishedBudgetSweep(model: string, tasks: readonly string[]): PublishedSweep | undefined {
  const found = sweepOf(model, tasks)
  if (!found) return undefined
  const { accuracy, tokensPerSecond, derivedAt } = byBudget[found.model][found.swept]
  const ratio = ratioOf(found.model)
  return {
    ...{ figure: found.swept === 'mean' ? 8 : 16, model: found.model, problems: found.problems },
    points: accuracy.map((value, i) => ({
      ...{ budget: budgets[i] ?? NaN, localWindow: budgetWindow, ratio, accuracy: value },
      tokensPerSecond: tokensPerSecond?.[i] ?? null,
    })),
    remarks: [
      ...(derivedAt === undefined ? [] : [`that of B ${derivedAt} was not printed and follows from Figure 8`]),
      ...contradiction(found),
    ],
  }
}

/** Figure 17 of one task, Figure 6 of all four; else as {@link publishedBudgetSweep}. */
export function publishedWindowSweep(model: string, tasks: readonly string[]): PublishedSweep | undefined {
  const found = sweepOf(model, tasks)
  if (!found) return undefined
  const points = byWindow[found.model][found.swept].flatMap((row, i) =>
    row.map((accuracy, j) => ({
      ...{ budget: windowBudget, localWindow: windows[i] ?? NaN, ratio: ratios[j] ?? NaN },
      ...{ accuracy, tokensPerSecond: null },
    })),
  )
  const figure = found.swept === 'mean' ? 6 : 17
  return { figure, model: found.model, problems: found.problems, points, remarks: contradiction(found) }
}

interface Found {
  readonly model: PublishedModel
  readonly swept: Swept
  readonly problems: readonly number[]
}

function sweepOf(name: string, tasks: readonly string[]): Found | undefined {
  const model = publishedModel(name)
  const known = sweptTasks.filter((task) => tasks.includes(task))
  const [first] = known
  if (model === undefined || first === undefined || known.length < tasks.length) return undefined
  const problems = known.map((task) => publishedTasks.find((one) => one.task === task)?.problems ?? 0)
  if (known.length === 1) return { model, swept: first, problems }
  return known.length === sweptTasks.length ? { model, swept: 'mean', problems } : undefined
}

function ratioOf(model: PublishedModel): number {
  return model === 'DeepSeek-R1-Distill-Llama-8B' ? 0.3 : 0.4
}

/** The same setting has three numbers in the paper. */
function contradiction({ model, swept }: Found): string[] {
  if (model !== 'DeepSeek-R1-Distill-Llama-8B' || swept !== 'gpqa-diamond') return []
  return ['B 5000, W_l 2000, ratio 0.3 is 46.3 in Table 1, 46.4 in Figure 16 and 45.4 in Figure 17']
}
