/** Configurations whose budget no sequence reached: nothing was evicted, so they are the full cache under another name. */
import { formatPolicyReference } from '../../eviction/protect.ts'
import { configurationName, type ConfigurationSummary } from './summarise.ts'

/** A line for each budget that a policy never reached. */
export function unreachedNotes(configurations: readonly ConfigurationSummary[]): string[] {
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
