/**
 * The mean of a policy's numbers over tasks, each task with the same weight, as in the paper's Table 1.
 */
import { formatPolicyReference } from '../../eviction/protect.ts'
import { mean as average, sum, type Estimate } from '../metrics/estimate.ts'
import type { ConfigurationSummary, TaskSummary } from './summarise.ts'

export interface Average {
  /** e.g. `h2o+question` */
  readonly policy: string
  /** One for each task, in the tasks' order. */
  readonly pass1: readonly Estimate[]
  readonly tokensPerSecond: readonly (number | null)[]
  readonly mean: Estimate
  readonly toDynts: Estimate | null
  readonly meanTokensPerSecond: number | null
}

/** Of the policies that every task has with exactly one configuration, in the first task's order. */
export function averages(tasks: readonly TaskSummary[]): Average[] {
  const [first] = tasks
  if (!first || tasks.length < 2) return []
  const policies = [...new Set(first.configurations.map(formatPolicyReference))]
  return policies.flatMap((policy): Average[] => {
    const found = tasks.flatMap((task) => only(task, policy) ?? [])
    const sampled = found.flatMap(({ sampling }) => sampling ?? [])
    if (sampled.length < tasks.length) return []
    const differences = sampled.flatMap(({ toDynts }) => toDynts ?? [])
    const speeds = sampled.map(({ speed }) => speed?.wall ?? null)
    const known = speeds.filter((speed) => speed !== null)
    return [
      {
        policy,
        pass1: sampled.map(({ pass1 }) => pass1),
        tokensPerSecond: speeds,
        mean: meanOf(sampled.map(({ pass1 }) => pass1)),
        toDynts: differences.length < tasks.length ? null : meanOf(differences),
        meanTokensPerSecond: known.length < tasks.length ? null : average(known),
      },
    ]
  })
}

function only({ configurations }: TaskSummary, policy: string): ConfigurationSummary | undefined {
  const found = configurations.filter((one) => formatPolicyReference(one) === policy)
  return found.length === 1 ? found[0] : undefined
}

/** Tasks are independent, so the squares of the intervals' halves add up, on each side. */
function meanOf(estimates: readonly Estimate[]): Estimate {
  const count = estimates.length
  const mean = average(estimates.map((one) => one.mean))
  const half = (side: 'low' | 'high') =>
    Math.sqrt(sum(estimates.map((one) => ((one.interval?.[side] ?? one.mean) - one.mean) ** 2))) / count
  const hasAll = estimates.every(({ interval }) => interval !== null)
  return {
    mean,
    interval: hasAll ? { low: mean - half('low'), high: mean + half('high') } : null,
    items: sum(estimates.map(({ items }) => items)),
  }
}
