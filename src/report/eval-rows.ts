/** Rows of figures out of evaluations: one for each task and configuration. */
import { groupBy } from '../group-by.ts'
import { formatPolicyReference } from '../eviction/protect.ts'
import { policyName } from '../evaluation/run/table-cells.ts'
import type { Estimate } from '../evaluation/metrics/estimate.ts'
import type { ConfigurationSummary, TaskSummary } from '../evaluation/run/summarise.ts'
import type { EvalSource } from './sources.ts'

/** A task of a run, and its configurations that were run. */
export interface EvalTask {
  readonly run: EvalSource
  readonly task: TaskSummary
  readonly configurations: readonly NamedConfiguration[]
  /** The tasks that it is the mean of; none: it is a single one. */
  readonly meanOf: readonly EvalTask[]
}

export interface NamedConfiguration extends ConfigurationSummary {
  /** `h2o+question`; with its options where they tell it from another of the task. */
  readonly name: string
}

export function evalTasks(runs: readonly EvalSource[]): EvalTask[] {
  return runs.flatMap((run) =>
    run.tasks.map((task) => ({
      run,
      task,
      configurations: named(task.configurations.filter(({ sampling, replay }) => sampling !== null || replay !== null)),
      meanOf: [],
    })),
  )
}

function named(configurations: readonly ConfigurationSummary[]): NamedConfiguration[] {
  const options = groupBy(configurations, formatPolicyReference)
  return configurations.map((one) => {
    const name = formatPolicyReference(one)
    const isOne = new Set(options.get(name)?.map(policyName)).size === 1
    return { ...one, name: isOne ? name : policyName(one).replaceAll('`', '') }
  })
}

/** Different values of a setting among what is bounded. */
export function valuesOf(
  configurations: readonly NamedConfiguration[],
  of: (one: NamedConfiguration) => number | null,
): number[] {
  const values = configurations.flatMap((one) => (of(one) === null ? [] : [of(one) ?? 0]))
  return [...new Set(values)].sort((a, b) => a - b)
}

/** An estimate as columns: `NAME`, `NAME low`, `NAME high`. */
export function estimateColumns(
  name: string,
  value: Estimate | null | undefined,
  scale = 1,
): Record<string, number | null> {
  const scaled = (one: number | undefined) => (one === undefined ? null : rounded(one * scale))
  return {
    [name]: scaled(value?.mean),
    [`${name} low`]: scaled(value?.interval?.low),
    [`${name} high`]: scaled(value?.interval?.high),
  }
}

/** For the settings of a picture. @param over what is drawn again, e.g. `questions` */
export function intervalNote(estimates: readonly (Pick<Estimate, 'interval'> | null)[], over: string): string {
  return estimates.some((one) => one?.interval)
    ? `95 % intervals by bootstrap over ${over}`
    : `too few ${over} for intervals`
}

export function rounded(value: number): number {
  return Number(value.toPrecision(6))
}

/** Model, items and settings, as they stand under each picture of a task. */
export function settingsOf(one: EvalTask): string {
  const { run, task, meanOf } = one
  const names = new Set(one.configurations.map(({ name }) => name))
  const configurations =
    meanOf.length === 0
      ? one.configurations
      : meanOf.flatMap((member) => member.configurations.filter(({ name }) => names.has(name)))
  const bounded = configurations.filter(({ budget }) => budget !== null)
  const setting = (name: string, of: (one: NamedConfiguration) => number | null) => {
    const values = valuesOf(bounded, of)
    return values.length === 0 ? [] : [`${name} ${values.join(', ')}`]
  }
  const { temperature, topP, topK } = task.sampling
  return [
    `${run.model.name}, ${task.task}`,
    `n = ${meanOf.length === 0 ? itemsOf(configurations) : meanOf.map((member) => itemsOf(member.configurations)).join(' + ')} problems`,
    ...(meanOf.length === 0 ? [] : ['each task counts the same']),
    ...setting('B', ({ budget }) => budget),
    ...setting('W_l', ({ localWindow }) => localWindow),
    ...setting('ratio', ({ ratio }) => ratio),
    ...(configurations.some(({ sampling }) => sampling !== null)
      ? [`temperature ${temperature}, top-p ${topP}, top-k ${topK}`]
      : ['replayed, nothing is drawn']),
    !one.configurations.some(hasInterval)
      ? 'too few problems for intervals'
      : meanOf.length === 0
        ? '95 % intervals by bootstrap over problems'
        : '95 % intervals, those of the tasks combined as independent ones',
  ].join(' · ')
}

function itemsOf(configurations: readonly NamedConfiguration[]): string {
  const items = configurations.map(({ sampling, replay }) => sampling?.pass1.items ?? replay?.loss?.items ?? 0)
  return [...new Set(items)].sort((a, b) => a - b).join(' or ')
}

function hasInterval({ sampling, replay }: NamedConfiguration): boolean {
  return [sampling?.pass1, replay?.loss].some((one) => one != null && one.interval !== null)
}
