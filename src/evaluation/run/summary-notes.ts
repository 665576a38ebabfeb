/** What is said below the tables of a summary: budgets that were never reached, prompts that did not fit, jobs that failed. */
import { formatPolicyReference } from '../../eviction/protect.ts'
import { percent } from '../../percent.ts'
import { configurationName, failedOf, type ConfigurationSummary } from './summarise.ts'

/** What the tables of a task do not tell, each in a line or a list. */
export function summaryNotes(configurations: readonly ConfigurationSummary[]): string[] {
  return [...unreachedNotes(configurations), ...refusalNotes(configurations), ...failureNotes(configurations)]
}

function refusalNotes(configurations: readonly ConfigurationSummary[]): string[] {
  const refused = configurations.filter((one) => (one.sampling?.refused ?? 0) > 0)
  if (refused.length === 0) return []
  const each = refused.map((one) => `${configurationName(one)} ${percent(one.sampling?.refused ?? 0)}`).join(', ')
  return [`Prompts that do not fit count as wrong, and have no part in what they would have cost: ${each}.`]
}

function failureNotes(configurations: readonly ConfigurationSummary[]): string[] {
  const failed = configurations.filter((one) => failedOf(one) > 0)
  if (failed.length === 0) return []
  const lines = failed.flatMap((one) =>
    one.failures.map(({ reason, jobs, example }) => `- ${configurationName(one)}: ${jobs}, e.g. ${example}: ${reason}`),
  )
  return [`Jobs that failed have no part in any number:\n${lines.join('\n')}`]
}

/** A line for each budget that a policy never reached: nothing was evicted, so it is the full cache under another name. */
function unreachedNotes(configurations: readonly ConfigurationSummary[]): string[] {
  const bounded = configurations.filter(({ budget }) => budget !== null)
  const budgets = [...new Set(bounded.filter(neverEvicted).map(({ budget }) => budget ?? 0))].sort((a, b) => a - b)
  return budgets.map((budget) => {
    const names = namesOf(bounded.filter((one) => one.budget === budget))
    const these = names.length === 1 ? 'it' : 'these policies'
    return `B ${budget} was never reached under ${names.join(', ')}: ${these} did nothing there.`
  })
}

/** A policy by its name, or by its settings where only some of these never evicted. */
function namesOf(configurations: readonly ConfigurationSummary[]): string[] {
  const names = configurations.filter(neverEvicted).map((one) => {
    const name = formatPolicyReference(one)
    const same = configurations.filter((other) => formatPolicyReference(other) === name)
    return same.every(neverEvicted) ? name : configurationName(one)
  })
  return [...new Set(names)]
}

/** Of what was run; what was refused or failed says nothing. */
function neverEvicted({ sampling, replay }: ConfigurationSummary): boolean {
  const sampled = sampling?.costs ? [sampling.evictions] : []
  const replayed = replay?.loss ? [replay.evictions] : []
  const evictions = [...sampled, ...replayed]
  return evictions.length > 0 && evictions.every((mean) => mean === 0)
}
