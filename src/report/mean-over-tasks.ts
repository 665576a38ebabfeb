/** Means over tasks, as the paper's tables and figures have them: each task counts the same, whatever its number of problems. */
import { shareText } from '../cache/budget.ts'
import { mean, sum, type Estimate } from '../evaluation/metrics/estimate.ts'
import { evalTasks, rounded, type EvalTask, type NamedConfiguration } from './eval-rows.ts'
import type { EvalSource } from './sources.ts'

type Sampling = NonNullable<NamedConfiguration['sampling']>
type Costs = NonNullable<Sampling['costs']>

/**
 * The mean over the tasks of each run that sampled several, and over models where several were run on the same tasks. It has the policies
 * that every task has; in sweeps those that every task has at the same settings. Replays are not in it.
 */
export function meansOverTasks(runs: readonly EvalSource[]): EvalTask[] {
  const several = runs.map(sampledTasks).filter((tasks) => tasks.length > 1)
  const keyOf = (tasks: readonly EvalTask[]) => namesOf(tasks).toSorted().join()
  const overModels = [...new Set(several.map(keyOf))].flatMap((key) => {
    const models = new Map(several.filter((tasks) => keyOf(tasks) === key).map((tasks) => [modelOf(tasks), tasks]))
    return models.size > 1 ? [[...models.values()].flat()] : []
  })
  return [...several, ...overModels].flatMap((tasks) => meanOver(tasks) ?? [])
}

function sampledTasks(run: EvalSource): EvalTask[] {
  return evalTasks([run])
    .map((one) => ({ ...one, configurations: one.configurations.filter(({ sampling }) => sampling !== null) }))
    .filter(({ configurations }) => configurations.length > 0)
}

function modelOf([first]: readonly EvalTask[]): string | undefined {
  return first?.run.model.name
}

function namesOf(tasks: readonly EvalTask[]): string[] {
  return [...new Set(tasks.map(({ task }) => task.task))]
}

/** Undefined: no policy is in all of them. */
function meanOver(tasks: readonly EvalTask[]): EvalTask | undefined {
  const [first] = tasks
  const isSweep = tasks.some(
    ({ configurations }) => new Set(configurations.map(({ name }) => name)).size < configurations.length,
  )
  const keyOf = (one: NamedConfiguration) =>
    isSweep ? `${one.name} ${one.budget} ${one.localWindow} ${shareText(one)}` : one.name
  const configurations = (first?.configurations ?? []).flatMap((one) => {
    const alike = tasks.flatMap((task) => task.configurations.find((other) => keyOf(other) === keyOf(one)) ?? [])
    return alike.length === tasks.length ? [meanConfiguration(one, alike)] : []
  })
  if (!first || configurations.length === 0) return undefined
  const models = [...new Set(tasks.map(({ run }) => run.model.name))]
  return {
    run: {
      ...first.run,
      from: models.length > 1 ? undefined : first.run.from,
      model: { ...first.run.model, name: models.join(' and ') },
    },
    task: {
      ...first.task,
      task: `mean of ${namesOf(tasks).join(', ')}${models.length > 1 ? ` and ${models.length} models` : ''}`,
    },
    configurations,
    meanOf: tasks,
  }
}

function meanConfiguration(one: NamedConfiguration, alike: readonly NamedConfiguration[]): NamedConfiguration {
  const settingOf = (of: (each: NamedConfiguration) => number | null) => {
    const values = alike.flatMap((each) => of(each) ?? [])
    return values.length < alike.length ? null : rounded(mean(values))
  }
  return {
    ...one,
    budget: settingOf(({ budget }) => budget),
    localWindow: settingOf(({ localWindow }) => localWindow),
    ratio: settingOf(({ ratio }) => ratio),
    sampling: meanSampling(alike.flatMap(({ sampling }) => sampling ?? [])),
    replay: null,
    failures: [],
    missing: sum(alike.map(({ missing }) => missing)),
  }
}

function meanSampling(all: readonly Sampling[]): Sampling {
  const of = (value: (one: Sampling) => number) => mean(all.map(value))
  const costs = all.flatMap((one) => one.costs ?? [])
  const speeds = all.flatMap(({ speed }) => speed ?? [])
  const times = all.flatMap(({ msPerEviction }) => msPerEviction ?? [])
  return {
    samples: sum(all.map(({ samples }) => samples)),
    pass1: meanEstimate(all.map(({ pass1 }) => pass1)),
    toFull: meanWhereAll(all.map(({ toFull }) => toFull)),
    toDynts: meanWhereAll(all.map(({ toDynts }) => toDynts)),
    thinkingToFull: meanWhereAll(all.map(({ thinkingToFull }) => thinkingToFull)),
    atK: [],
    costs: costs.length < all.length ? null : meanCosts(costs),
    speed:
      speeds.length < all.length
        ? null
        : { wall: mean(speeds.map(({ wall }) => wall)), authors: mean(speeds.map(({ authors }) => authors)) },
    evictions: of(({ evictions }) => evictions),
    msPerEviction: times.length < all.length ? null : mean(times),
    degraded: of(({ degraded }) => degraded),
    refused: of(({ refused }) => refused),
  }
}

function meanCosts(all: readonly Costs[]): Costs {
  const of = (value: (one: Costs) => Estimate) => meanEstimate(all.map(value))
  return {
    truncated: of(({ truncated }) => truncated),
    looped: of(({ looped }) => looped),
    thinkingTokens: of(({ thinkingTokens }) => thinkingTokens),
    meanCells: of(({ meanCells }) => meanCells),
    peakCells: of(({ peakCells }) => peakCells),
    peakBytes: of(({ peakBytes }) => peakBytes),
    highestCells: Math.max(...all.map(({ highestCells }) => highestCells)),
    highestBytes: Math.max(...all.map(({ highestBytes }) => highestBytes)),
  }
}

function meanWhereAll(estimates: readonly (Estimate | null)[]): Estimate | null {
  const there = estimates.flatMap((one) => one ?? [])
  return there.length < estimates.length ? null : meanEstimate(there)
}

/**
 * Of independent estimates. Its interval reaches as far to each side as the square root of the sum of theirs squared, by their number.
 * @param estimates at least one
 */
function meanEstimate(estimates: readonly Estimate[]): Estimate {
  const middle = mean(estimates.map((one) => one.mean))
  const intervals = estimates.flatMap((one) => (one.interval ? [{ ...one.interval, middle: one.mean }] : []))
  const reach = (distances: readonly number[]) => Math.hypot(...distances) / estimates.length
  return {
    mean: middle,
    interval:
      intervals.length < estimates.length
        ? null
        : {
            low: middle - reach(intervals.map((one) => one.middle - one.low)),
            high: middle + reach(intervals.map((one) => one.high - one.middle)),
          },
    items: sum(estimates.map(({ items }) => items)),
  }
}
