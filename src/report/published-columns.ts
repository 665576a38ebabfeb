/** What the paper printed, as columns beside ours where a run is of one of its models and tasks. Never part of a series of ours. */
import { publishedCacheLength } from '../analysis/published-cache-lengths.ts'
import { latencyRemark, meansRemark, otherMethodRemarks, withinErrorRemarks } from '../analysis/published-remarks.ts'
import { publishedWindowSweep } from '../analysis/published-sweeps.ts'
import { publishedModel, publishedResult, publishedSamples, publishedTasks } from '../analysis/published-tables.ts'
import { mean } from '../evaluation/metrics/estimate.ts'
import { rounded, type EvalTask, type NamedConfiguration } from './eval-rows.ts'

export const publishedPass = 'published Pass@1'
export const publishedSpeed = 'published speed, full = 1'
export const publishedRate = 'published tokens per second'
export const publishedPeak = 'published cache length'

function ofTask(model: string, tasks: readonly string[], policies: readonly string[]): string[] {
  const isCompared = ['full', 'dynts'].every((policy) => policies.includes(policy))
  return [
    ...(isCompared ? tasks.flatMap((task) => withinErrorRemarks(model, task)) : []),
    ...(publishedWindowSweep(model, tasks)?.remarks ?? []),
  ]
}

interface PublishedColumn {
  readonly from: string
  readonly of: (model: string, task: string, policy: string) => number | null | undefined
  /** What has to be said beside it. */
  readonly remarks: (model: string, tasks: readonly string[], policies: readonly string[]) => readonly string[]
}

const columns: Readonly<Record<string, PublishedColumn>> = {
  [publishedPass]: {
    from: 'Tables 1 and 2',
    of: (...of) => publishedResult(...of)?.accuracy,
    remarks: (model, tasks, policies) => [
      ...otherMethodRemarks(policies),
      ...(tasks.length === publishedTasks.length ? [meansRemark] : []),
      ...(tasks.length === 1 ? ofTask(model, tasks, policies) : []),
    ],
  },
  [publishedSpeed]: {
    from: 'Table 1',
    of: (...of) => publishedResult(...of)?.speedup,
    remarks: () => [latencyRemark],
  },
  [publishedRate]: { from: 'Table 1', of: (...of) => publishedResult(...of)?.tokensPerSecond, remarks: () => [] },
  [publishedPeak]: {
    from: 'Figure 13 (its labels of GaoKao2023En and GPQA-D exchanged)',
    of: publishedCacheLength,
    remarks: () => [],
  },
}

/** Nothing for a run of another model or task. Null: the paper has not this policy, or not this of it. Of a mean over tasks: the mean of theirs. */
export function publishedColumn(
  one: EvalTask,
  { name }: NamedConfiguration,
  column: string,
): Record<string, number | null> {
  if (publishedNote(one, [column]) === undefined) return {}
  const values = partsOf(one).flatMap(({ run, task }) => columns[column]?.of(run.model.name, task.task, name) ?? [])
  return { [column]: values.length < partsOf(one).length ? null : rounded(mean(values)) }
}

/**
 * Where published numbers are from and of how many problems, for the settings of a picture; undefined: none are shown.
 * @param shown the columns of the picture that have published numbers
 */
export function publishedNote(one: EvalTask, shown: readonly string[]): string | undefined {
  const parts = partsOf(one).map(({ run, task }) => ({
    model: publishedModel(run.model.name),
    problems: publishedResult(run.model.name, task.task, 'dynts')?.problems,
    task: task.task,
  }))
  if (shown.length === 0 || parts.some(({ problems }) => problems === undefined)) return undefined
  const from = shown.map((column) => columns[column]?.from ?? column).join(', ')
  const models = [...new Set(parts.map(({ model }) => model))].join(' and ')
  const problems = [...new Map(parts.map((part) => [part.task, part.problems])).values()].join(' + ')
  const tasks = [...new Set(parts.map(({ task }) => task))]
  const policies = one.configurations.map(({ name }) => name)
  const remarks = shown.flatMap((column) => columns[column]?.remarks(one.run.model.name, tasks, policies) ?? [])
  return [
    `published: ${from} of the paper, ${models}, n = ${problems} problems of ${publishedSamples} samples, at the settings there`,
    ...remarks,
  ].join('; ')
}

function partsOf(one: EvalTask): readonly Pick<EvalTask, 'run' | 'task'>[] {
  return one.meanOf.length === 0 ? [one] : one.meanOf
}
