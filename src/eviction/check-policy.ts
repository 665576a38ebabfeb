/**
 * A user's policy is a stranger: what it throws and what it returns is checked, and reported with its name, so that only
 * its own sequence ends. What dynts's own policies throw is a bug and stays as it is.
 */
import { InputError } from '../errors.ts'
import type { EvictionPolicy, PolicyContext, PolicyDefinition, Protection } from './policy.ts'

/**
 * Makes a policy for a sequence. A user's gets copies of what the engine goes on to use.
 * @throws InputError `policy_failed` for a user's policy that cannot be made, or later throws, or gives scores that cannot
 * be used
 */
export function createPolicy(
  definition: PolicyDefinition,
  options: Parameters<PolicyDefinition['create']>[0],
  context: PolicyContext,
): EvictionPolicy {
  if (definition.file === undefined) return definition.create(options, context)
  const policy: unknown = guarded(definition, 'create', () => definition.create(options, context))
  if (!isPolicy(policy)) throw failed(definition, 'create must give an object with a score function')
  return {
    observe: (step) => {
      guarded(definition, `observe, position ${step.position}`, () => policy.observe?.(step))
    },
    score(candidates, cells) {
      const scores: unknown = guarded(definition, 'score', () =>
        policy.score(candidates.slice(), { ...cells, held: cells.held.slice() }),
      )
      checkScores(definition, candidates, scores)
      return scores
    },
  }
}

/** The cells that a policy protects. @throws InputError `policy_failed` */
export function protectionOf(
  definition: PolicyDefinition,
  options: Parameters<PolicyDefinition['protects']>[0],
): Protection {
  if (definition.file === undefined) return definition.protects(options)
  const protection: unknown = guarded(definition, 'protects', () => definition.protects(options))
  if (isProtection(protection)) return protection
  throw failed(definition, 'protects must give { question, localWindow, answer, sinks? }')
}

/**
 * How many of the last queries before an eviction a policy looks at: 0 for one without attention.
 * @throws InputError `policy_failed`
 */
export function queriesOf(definition: PolicyDefinition, options: Parameters<PolicyDefinition['protects']>[0]): number {
  if (!definition.needs.has('attention') || !definition.evicts) return 0
  const queries: unknown = guarded(definition, 'queries', () => definition.queries?.(options) ?? Infinity)
  if (typeof queries === 'number' && queries >= 1) return queries
  throw failed(definition, 'queries must be a number of at least 1')
}

function isProtection(value: unknown): value is Protection {
  if (typeof value !== 'object' || value === null) return false
  const { question, localWindow, answer, sinks = 0 } = value as Record<string, unknown>
  const areFlags = [question, localWindow, answer].every((flag) => typeof flag === 'boolean')
  return areFlags && typeof sinks === 'number' && Number.isInteger(sinks) && sinks >= 0
}

function isPolicy(value: unknown): value is EvictionPolicy {
  if (typeof value !== 'object' || value === null || !('score' in value)) return false
  const hasObserve = !('observe' in value) || value.observe === undefined || typeof value.observe === 'function'
  return typeof value.score === 'function' && hasObserve
}

function checkScores(
  definition: PolicyDefinition,
  candidates: Int32Array,
  scores: unknown,
): asserts scores is Float32Array {
  if (!(scores instanceof Float32Array)) throw failed(definition, 'score must give a Float32Array')
  if (scores.length !== candidates.length) {
    throw failed(definition, `score gave ${scores.length} scores for ${candidates.length} candidates`)
  }
  const wrong = scores.findIndex((score) => Number.isNaN(score) || score === Infinity)
  if (wrong >= 0) {
    throw failed(definition, `the score of position ${candidates[wrong] ?? -1} is ${scores[wrong] ?? NaN}`)
  }
}

function guarded<T>(definition: PolicyDefinition, where: string, act: () => T): T {
  let given: T
  try {
    given = act()
  } catch (error) {
    if (definition.file === undefined) throw error
    throw failed(definition, `${where}: ${error instanceof Error ? error.message : String(error)}`, error)
  }
  if (!(given instanceof Promise)) return given
  // If it fails, and nobody looks at it, it ends the engine's thread.
  given.catch(() => undefined)
  throw failed(definition, `${where}: it gave a promise, but the engine does not wait for a policy`)
}

function failed({ name, file }: PolicyDefinition, reason: string, cause?: unknown): InputError {
  return new InputError('policy_failed', `policy ${name} (${file ?? 'dynts'}) failed: ${reason}`, { cause })
}
