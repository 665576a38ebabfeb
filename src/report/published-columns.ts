/** What the paper printed, as columns beside ours where a run is of one of its models and tasks. Never part of a series of ours. */
import { publishedModel, publishedResult, publishedSamples } from '../analysis/published-tables.ts'
import { rounded, type EvalTask, type NamedConfiguration } from './eval-rows.ts'

export const publishedPass = 'published Pass@1'
export const publishedSpeed = 'published speed, full = 1'

/** Nothing for a run of another model or task. Null: the paper has not this policy, or not this of it. */
export function publishedColumn(
  { run, task }: EvalTask,
  { name }: NamedConfiguration,
  column: typeof publishedPass | typeof publishedSpeed,
): Record<string, number | null> {
  if (publishedNote({ run, task }) === undefined) return {}
  const found = publishedResult(run.model.name, task.task, name)
  const value = column === publishedPass ? found?.accuracy : found?.speedup
  return { [column]: value == null ? null : rounded(value) }
}

/** Where published numbers are from and of how many problems, for the settings of a picture; undefined: none are shown. */
export function publishedNote({ run, task }: Pick<EvalTask, 'run' | 'task'>): string | undefined {
  const model = publishedModel(run.model.name)
  const found = publishedResult(run.model.name, task.task, 'dynts')
  if (!model || !found) return undefined
  return `published: Tables 1 and 2 of the paper, ${model}, n = ${found.problems} problems of ${publishedSamples} samples, at the settings there`
}
