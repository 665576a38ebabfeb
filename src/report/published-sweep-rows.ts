/** The paper's sweeps as rows of their own beside ours. Never part of a series of ours. */
import type { PublishedSweep } from '../analysis/published-sweeps.ts'
import { publishedResult, publishedSamples } from '../analysis/published-tables.ts'
import { mean } from '../evaluation/metrics/estimate.ts'
import { rounded, type EvalTask } from './eval-rows.ts'
import type { Row } from './figure.ts'
import { publishedPass, publishedSpeed } from './published-columns.ts'

/** In the column of policies; no policy has this name. */
export const publishedSeries = 'published: dynts'

/** @param find `publishedBudgetSweep` or `publishedWindowSweep` */
export function publishedSweepOf(
  one: EvalTask,
  find: (model: string, tasks: readonly string[]) => PublishedSweep | undefined,
): PublishedSweep | undefined {
  const models = new Set([one, ...one.meanOf].map(({ run }) => run.model.name))
  return models.size > 1 ? undefined : find(one.run.model.name, tasksOf(one))
}

/** A row for each setting; speeds are to the full cache's of Table 1, and only where the paper's picture could be read. */
export function publishedSweepRows(one: EvalTask, { points, problems }: PublishedSweep): Row[] {
  const full = tasksOf(one).map((task) => publishedResult(one.run.model.name, task, 'full')?.tokensPerSecond ?? NaN)
  return points.map(({ budget, localWindow, ratio, accuracy, tokensPerSecond }) => ({
    policy: publishedSeries,
    B: budget,
    'local window': localWindow,
    ratio,
    n: problems.reduce((sum, count) => sum + count, 0),
    [publishedPass]: accuracy,
    ...(tokensPerSecond === null
      ? {}
      : {
          'published tokens per second, read off': tokensPerSecond,
          [publishedSpeed]: rounded(tokensPerSecond / mean(full)),
        }),
  }))
}

/** For the settings of a picture. */
export function publishedSweepNote({ figure, model, problems, points, remarks }: PublishedSweep): string {
  const [first] = points
  const setting =
    figure === 8 || figure === 16 ? `W_l ${first?.localWindow}, ratio ${first?.ratio}` : `B ${first?.budget}`
  const isRead = points.some(({ tokensPerSecond }) => tokensPerSecond !== null)
  return [
    `published: Figure ${figure} of the paper, ${model}, n = ${problems.join(' + ')} problems of ${publishedSamples} samples, ${setting}, without intervals`,
    ...(isRead ? ['its tokens per second are read off the picture, to those of Table 1'] : []),
    ...remarks,
  ].join('; ')
}

function tasksOf({ task, meanOf }: EvalTask): string[] {
  return meanOf.length === 0 ? [task.task] : [...new Set(meanOf.map((one) => one.task.task))]
}
