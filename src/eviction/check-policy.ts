/**
 * A user's policy is a stranger: what it throws and what it returns is checked, and reported with its name, so that only
 * its own sequence ends. What dynts's own policies throw is a bug and stays as it is.
 */
import leven from 'leven'
import { InputError } from '../errors.ts'
import { protectionSchema } from './define-policy.ts'
import { lentImportance, lentStep, withLentCells } from './lent-values.ts'
import type { EvictionPolicy, PolicyContext, PolicyDefinition, Protection } from './policy.ts'
import { withStdoutToStderr } from './policy-output.ts'

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
  const { importance, calibration } = context
  const lent = {
    ...context,
    ...(importance && { importance: lentImportance(importance) }),
    ...(calibration && { calibration: structuredClone(calibration) }),
  }
  const made = guarded(definition, 'create', () => checkMade(definition, definition.create(options, lent)))
  return {
    observe: (step) => {
      guarded(definition, `observe, position ${step.position}`, () => made.observe?.(lentStep(step)))
    },
    score: (candidates, cells) =>
      guarded(definition, 'score', () =>
        checkScores(
          definition,
          candidates,
          withLentCells(cells, (copies) => made.score(candidates.slice(), copies)),
        ),
      ),
  }
}

/** The cells that a policy protects. @throws InputError `policy_failed` */
export function protectionOf(
  definition: PolicyDefinition,
  options: Parameters<PolicyDefinition['protects']>[0],
): Protection {
  if (definition.file === undefined) return definition.protects(options)
  return guarded(definition, 'protects', () => {
    const given: unknown = refusePromise(definition, 'protects', definition.protects(options))
    const { data, error } = protectionSchema.safeParse(given)
    if (data) return data as Protection
    const field = error.issues[0]?.path.join('.') ?? ''
    throw failed(
      definition,
      `protects must give { question, localWindow, answer, sinks? }: ${field}${field && ': '}${error.issues[0]?.message ?? ''}`,
    )
  })
}

/**
 * How many of the last queries before an eviction a policy looks at: 0 for one without attention.
 * @throws InputError `policy_failed`
 */
export function queriesOf(definition: PolicyDefinition, options: Parameters<PolicyDefinition['protects']>[0]): number {
  if (!definition.needs.has('attention') || !definition.evicts) return 0
  return guarded(definition, 'queries', () => {
    const queries: unknown = refusePromise(definition, 'queries', definition.queries?.(options) ?? Infinity)
    if (typeof queries === 'number' && queries >= 1) return queries
    throw failed(definition, 'queries must be a number of at least 1')
  })
}

/** A policy's functions, read once: what they are does not change afterwards. */
function checkMade(definition: PolicyDefinition, made: unknown): EvictionPolicy {
  const policy = refusePromise(definition, 'create', made)
  const wrong = 'create must give an object with a score function'
  if (typeof policy !== 'object' || policy === null) throw failed(definition, wrong)
  const { score, observe } = policy as Partial<EvictionPolicy>
  if (typeof score !== 'function' || !['undefined', 'function'].includes(typeof observe))
    throw failed(definition, wrong)
  if (observe === undefined) refuseMisspeltObserve(definition, policy)
  return {
    score: (candidates, cells) => score.call(policy, candidates, cells),
    observe: (step) => refusePromise(definition, `observe, position ${step.position}`, observe?.call(policy, step)),
  }
}

/** A policy may have fields of its own, but one that is nearly called `observe` would never be called. */
function refuseMisspeltObserve(definition: PolicyDefinition, policy: object): void {
  const misspelt = Object.keys(policy).find((name) => leven(name.toLowerCase(), 'observe') <= 2)
  if (misspelt === undefined || typeof Reflect.get(policy, misspelt) !== 'function') return
  throw failed(definition, `create gave a function "${misspelt}". Did you mean observe?`)
}

/** The scores, copied: what the policy does with its array later does not matter. */
function checkScores(definition: PolicyDefinition, candidates: Int32Array, given: unknown): Float32Array {
  const scores = refusePromise(definition, 'score', given)
  if (!(scores instanceof Float32Array)) throw failed(definition, 'score must give a Float32Array')
  const copy = new Float32Array(scores)
  if (copy.length !== candidates.length) {
    throw failed(definition, `score gave ${copy.length} scores for ${candidates.length} candidates`)
  }
  const wrong = copy.findIndex((score) => Number.isNaN(score) || score === Infinity)
  if (wrong >= 0) {
    throw failed(definition, `the score of position ${candidates[wrong] ?? -1} is ${copy[wrong] ?? NaN}`)
  }
  return copy
}

/**
 * What `read` makes of the options given, by the policy's own schema, whose checks and transforms are code of its author.
 * @throws InputError `policy_failed`
 */
export function readOptions<T>(definition: Pick<PolicyDefinition, 'name' | 'file'>, read: () => T): T {
  return definition.file === undefined ? read() : guarded(definition, 'options', read)
}

/** InputError `policy_failed` for what a policy threw outside of its calls. */
export function thrownLater(definition: PolicyDefinition, error: unknown): InputError {
  return failed(definition, `in a timer or a promise: ${reasonOf(error)}`, error)
}

/** What `failed` has made: what a policy throws may be anything, even what cannot be asked for its class. */
const failures = new WeakSet()

/** Whatever goes wrong in `act` is the policy's failure: its own code runs there, getters and iterators included. */
function guarded<T>(definition: Pick<PolicyDefinition, 'name' | 'file'>, where: string, act: () => T): T {
  try {
    return withStdoutToStderr(act)
  } catch (error) {
    if (failures.has(error as WeakKey)) throw error
    throw failed(definition, `${where}: ${reasonOf(error)}`, error)
  }
}

function refusePromise<T>(definition: PolicyDefinition, where: string, given: T): T {
  if (!(given instanceof Promise)) return given
  // If it fails, and nobody looks at it, it ends the engine's thread.
  given.catch(() => undefined)
  throw failed(definition, `${where}: it gave a promise, but the engine does not wait for a policy`)
}

/** What was thrown may be anything, even what cannot be turned into text. */
function reasonOf(error: unknown): string {
  try {
    return String(error instanceof Error ? error.message : error)
  } catch {
    return 'it threw something that has no text'
  }
}

function failed({ name, file }: Pick<PolicyDefinition, 'name' | 'file'>, reason: string, cause?: unknown): InputError {
  const error = new InputError('policy_failed', `policy ${name} (${file ?? 'dynts'}) failed: ${reason}`, { cause })
  failures.add(error)
  return error
}
