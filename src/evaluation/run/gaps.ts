/**
 * What a folder still lacks of its plan, and whether that looks like a shard that was not merged.
 */
import { sum } from '../metrics/estimate.ts'
import { jobKey, shardOf, type PlannedJob, type Shard } from './eval-job.ts'
import { plannedGroups, type EvalPlan, type PlannedGroup } from './eval-plan.ts'
import { isFound, readFound, rowsOf, type FoundRecords } from './found-records.ts'
import { givenReferences, sampleOf } from './references.ts'
import { configurationName } from './summarise.ts'

export interface Gaps {
  /** Jobs that have neither a record nor failed; of replays those whose trace is there. */
  readonly missing: number
  readonly failed: number
  readonly configurations: readonly { readonly task: string; readonly name: string; readonly missing: number }[]
  /** Parts of a division of the run of which nothing is there, while all the rest is; empty: it looks like none. */
  readonly shards: readonly Shard[]
}

/** Divisions into more parts are not looked for. */
const mostShards = 64

export function gapsOf(plan: EvalPlan, folder: string): Gaps {
  const groups = plannedGroups(plan)
  const found = readFound(folder)
  const rows = plan.tasks.flatMap((task) => {
    const ofTask = groups.filter((group) => group.task === task)
    return rowsOf(plan, ofTask, found).map((row) => ({ ...row, task: task.name }))
  })
  return {
    missing: sum(rows.map(({ missing }) => missing)),
    failed: sum(rows.map(({ failures }) => failures.length)),
    configurations: rows
      .filter(({ missing }) => missing > 0)
      .map(({ task, configuration, missing }) => ({ task, name: configurationName(configuration), missing })),
    shards: missingShards(groups, plan, found),
  }
}

function missingShards(groups: readonly PlannedGroup[], plan: EvalPlan, found: FoundRecords): Shard[] {
  // Whether there is a replay depends on its sample, unless its trace was given.
  const jobs = groups
    .filter(({ task, configuration: { kind } }) => kind === 'sample' || givenReferences(task).size > 0)
    .flatMap((group) => group.jobs)
  // By sample, because all policies' jobs of one are in the same part.
  const samples = new Map<string, { readonly job: PlannedJob; readonly states: Set<boolean> }>()
  for (const job of jobs) {
    const sample = samples.get(sampleOf(job)) ?? { job, states: new Set() }
    samples.set(sampleOf(job), sample)
    sample.states.add(isFound(found, jobKey(job, plan)))
  }
  for (let count = 2; count <= Math.min(mostShards, samples.size); count++) {
    const parts = Array.from({ length: count }, () => new Set<boolean>())
    for (const { job, states } of samples.values())
      for (const state of states) parts[shardOf(job, count) - 1]?.add(state)
    const missing = parts.flatMap((states, i) => (states.has(false) ? [{ index: i + 1, count }] : []))
    if (missing.length > 0 && parts.every((states) => states.size === 1)) return missing
  }
  return []
}
