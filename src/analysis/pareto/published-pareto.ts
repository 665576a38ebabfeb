/**
 * Accuracy by the share of kept thinking as the paper's curves show it, for comparison. Never part of a series of ours. Read off the
 * pictures, give or take one or two points, and only where a mark could be read. Its text is fed again (`text`), its full thinking
 * is that of complete traces only.
 *
 * Source: arXiv 2601.18383, Figures 3 and 12.
 */
import { publishedModel, publishedTasks } from '../published-tables.ts'

type Curve = Readonly<Record<number, number>>

export interface PublishedPareto {
  readonly model: string
  readonly task: string
  /** Percent. */
  readonly full: number
  /** Percent, by the percent of the thinking that is kept. */
  readonly top: Curve
  readonly random: Curve
  readonly bottom: Curve
}

const sizes = [2, 4, 6, 8, 10, 20, 30, 40, 50]
const all = (values: readonly number[]): Curve => Object.fromEntries(sizes.map((size, i) => [size, values[i] ?? NaN]))

export const publishedPareto: readonly PublishedPareto[] = [
  {
    ...{ model: 'R1-Llama', task: 'AIME24', full: 64 },
    top: { 2: 55, 10: 60, 50: 62 },
    random: { 2: 32, 8: 28, 50: 49 },
    bottom: { 2: 30, 10: 29, 40: 37, 50: 37 },
  },
  {
    ...{ model: 'R1-Llama', task: 'AIME25', full: 49 },
    top: { 2: 44, 6: 48, 50: 49 },
    random: { 2: 33, 8: 31, 40: 40, 50: 38 },
    bottom: { 2: 34, 8: 36, 30: 37, 50: 39 },
  },
  {
    ...{ model: 'R1-Llama', task: 'AMC23', full: 96 },
    top: { 2: 88, 6: 93, 10: 92, 20: 93, 30: 95, 50: 96 },
    random: { 2: 63, 6: 63, 10: 68, 20: 70, 30: 75, 50: 85 },
    bottom: { 2: 66, 6: 63, 10: 65, 20: 70, 30: 73, 50: 80 },
  },
  {
    ...{ model: 'R1-Llama', task: 'GPQA-D', full: 45 },
    top: { 2: 42.4, 4: 43.9, 6: 43.3, 8: 44.4, 20: 44.7 },
    random: { 2: 36, 8: 35.8, 40: 42.4 },
    bottom: { 2: 37.5, 4: 37, 6: 37.8, 10: 36.2, 40: 37.4 },
  },
  {
    ...{ model: 'R1-Llama', task: 'GK23EN', full: 72.7 },
    top: { 2: 71.5, 6: 73, 50: 73 },
    random: { 2: 62, 50: 70 },
    bottom: { 2: 62, 50: 67.5 },
  },
  {
    ...{ model: 'R1-Llama', task: 'MATH500', full: 91.5 },
    top: all([85.5, 87.7, 88.8, 89.2, 89.7, 90.5, 91, 91.2, 91.5]),
    random: all([76, 78, 78.7, 79, 79.5, 80, 81.5, 82.5, 85]),
    bottom: all([77, 76.5, 77, 77, 77.2, 78.5, 80, 81.7, 85]),
  },
  {
    ...{ model: 'R1-Qwen', task: 'AIME24', full: 73 },
    top: { 2: 54, 6: 69, 8: 71, 10: 70, 30: 72, 50: 73 },
    random: { 2: 37, 6: 31, 10: 36, 30: 27, 50: 35 },
    bottom: { 2: 40, 6: 38, 10: 38, 30: 40, 50: 44 },
  },
  {
    ...{ model: 'R1-Qwen', task: 'AIME25', full: 62 },
    top: { 2: 38, 4: 50, 6: 57, 10: 58, 30: 62, 50: 62 },
    random: { 2: 37, 8: 37, 20: 30, 50: 31 },
    bottom: { 2: 43, 4: 39, 10: 41, 20: 38, 40: 44, 50: 51 },
  },
  {
    ...{ model: 'R1-Qwen', task: 'AMC23', full: 98 },
    top: { 2: 87, 4: 93, 50: 98 },
    random: { 2: 70, 10: 68, 50: 82 },
    bottom: { 2: 74, 50: 79 },
  },
  {
    ...{ model: 'R1-Qwen', task: 'GPQA-D', full: 50.2 },
    top: { 2: 48.3, 6: 49, 50: 49.8 },
    random: { 2: 37.5, 8: 36, 50: 46.5 },
    bottom: { 2: 40.5, 8: 39.2, 40: 41.8, 50: 42 },
  },
  {
    ...{ model: 'R1-Qwen', task: 'GK23EN', full: 78.8 },
    top: all([70, 75.4, 77.2, 78, 78.2, 78.4, 78.4, 78.6, 78.4]),
    random: all([66.2, 65.8, 65.8, 65.4, 65.6, 64.8, 65.2, 67.8, 71.6]),
    bottom: all([66.2, 67.2, 66.8, 66.8, 67.2, 67, 67.8, 68.2, 70]),
  },
  {
    ...{ model: 'R1-Qwen', task: 'MATH500', full: 94.5 },
    top: { 2: 81.5, 4: 88.5, 6: 91.5, 8: 92.5, 10: 93, 20: 94, 30: 94.5, 50: 94.5 },
    random: { 2: 82, 10: 82, 20: 81, 30: 81, 50: 85 },
    bottom: { 2: 81.5, 6: 82.5, 10: 82.5, 20: 83, 30: 84, 50: 86 },
  },
]

const models = { 'DeepSeek-R1-Distill-Llama-8B': 'R1-Llama', 'DeepSeek-R1-Distill-Qwen-7B': 'R1-Qwen' } as const

/**
 * Percent of right answers that a curve shows of a run's model and task; undefined: it is none of the paper's, or that mark could not be read.
 * @param selection `full`, or what is kept
 */
export function publishedParetoValue(
  model: string,
  task: string,
  selection: string,
  percent: number,
): number | undefined {
  const known = publishedModel(model)
  const place = publishedTasks.findIndex((one) => one.task === task)
  if (!known || place < 0) return undefined
  // The panels of each model are in the order of the tables.
  const panel = publishedPareto.filter((one) => one.model === models[known])[place]
  if (selection === 'full') return panel?.full
  return selection === 'top' || selection === 'random' || selection === 'bottom'
    ? panel?.[selection][percent]
    : undefined
}

/** How far below the full thinking a published curve is, least and most over the panels in which that mark could be read; null: in none. */
export function publishedLoss(
  selection: 'top' | 'random' | 'bottom',
  percent: number,
): { readonly least: number; readonly most: number; readonly panels: number } | null {
  const losses = publishedPareto.flatMap((panel) => {
    const value = panel[selection][percent]
    return value === undefined ? [] : [panel.full - value]
  })
  if (losses.length === 0) return null
  return { least: Math.min(...losses), most: Math.max(...losses), panels: losses.length }
}
