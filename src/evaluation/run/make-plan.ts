/**
 * Puts a plan together from tasks with their questions and the points of a grid. Loads no questions.
 */
import { checkFields } from '../../check-shape.ts'
import { InputError } from '../../errors.ts'
import { addedProtection, type ProtectedPart } from '../../eviction/protect.ts'
import { findPolicy, policyNames } from '../../eviction/registry.ts'
import { fullPoint, type GridPoint } from '../presets/presets.ts'
import type { TaskItem } from '../tasks/task.ts'
import { boundOf, policyOf, type EvalIdentity, type JobSettings } from './eval-job.ts'
import { isSameConfiguration, planSchema, type Configuration, type EvalPlan, type PlannedTask } from './eval-plan.ts'

export const metricNames = ['pass', 'replay-loss'] as const
export type MetricName = (typeof metricNames)[number]

/** A point of the grid whose policy is known completely. */
export interface PlannedPoint extends GridPoint {
  readonly policyOptions: Readonly<Record<string, unknown>>
  readonly policyHash: string | null
  /** What is protected additionally; what the policy protects by itself has no effect and is left out. Default: nothing. */
  readonly protect?: readonly ProtectedPart[] | undefined
  /** The first so many items. Default: all. */
  readonly limit?: number | undefined
}

export interface TaskToPlan {
  readonly name: string
  readonly source: string
  readonly items: readonly TaskItem[]
  readonly sampling: JobSettings['sampling']
  readonly maxTokens: number
  readonly samples: number
  readonly points: readonly PlannedPoint[]
}

export interface PlanOptions {
  readonly identity: EvalIdentity
  /** SHA-256 of the calibration's file; null, the default: no policy looks at one. */
  readonly calibration?: string | null
  readonly seed: number
  readonly kvType: JobSettings['kvType']
  readonly metrics: readonly MetricName[]
  readonly tasks: readonly TaskToPlan[]
}

const planFields = { identity: true, calibration: true, seed: true, kvType: true, metrics: true, tasks: true } as const
const taskFields = {
  ...{ name: true, source: true, items: true, sampling: true, maxTokens: true, samples: true, points: true },
} as const
const pointFields = {
  ...{ policy: true, policyOptions: true, policyHash: true, protect: true, limit: true },
  ...{ budget: true, localWindow: true, ratio: true, evictEvery: true, segments: true, valueReserve: true },
} as const

/**
 * With replays the full cache is sampled in any case: its traces are what is replayed. Of items that are traces nothing is sampled.
 * @throws InputError `no_items`, `invalid_option`
 */
export function makePlan(options: PlanOptions): EvalPlan {
  const { identity, calibration = null, seed, kvType, metrics, tasks } = options
  checkFields(options, planFields, 'the options of makePlan')
  for (const task of tasks) {
    checkFields(task, taskFields, 'a task of makePlan')
    for (const point of task.points) checkFields(point, pointFields, 'a point of makePlan')
  }
  return {
    schema: planSchema,
    ...identity,
    calibration,
    seed,
    kvType,
    tasks: tasks.map((task) => planTask(task, metrics)),
  }
}

function planTask(
  { name, source, sampling, maxTokens, ...task }: TaskToPlan,
  metrics: readonly MetricName[],
): PlannedTask {
  const all = task.points.map((point) => configurationOf(point, task.items.length, task.samples))
  const full = all.find(({ policy }) => policy === 'full')
  const ofFull = { ...fullPoint, policyOptions: {}, policyHash: null }
  const reference = full ?? configurationOf(ofFull, Math.max(...all.map(({ items }) => items)), task.samples)
  const replays = (full ? all : [reference, ...all]).map((one): Configuration => ({
    ...one,
    kind: 'replay',
    items: Math.min(one.items, reference.items),
  }))
  const isGiven = task.items.some(({ trace }) => trace !== undefined)
  if (isGiven) checkGiven(name, task, metrics)
  const sampled = metrics.includes('pass') ? all : []
  const needed = metrics.includes('replay-loss') ? [...(isGiven ? [] : [reference]), ...replays] : []
  const configurations: Configuration[] = []
  for (const one of [...sampled, ...needed]) {
    if (!configurations.some((other) => isSameConfiguration(one, other))) configurations.push(one)
  }
  const items = task.items
    .slice(0, Math.max(...configurations.map((one) => one.items)))
    .map(({ id, prompt, expected, kind, trace }) => ({ id, prompt, expected, grading: kind, ...(trace && { trace }) }))
  const [first, ...others] = items
  if (!first) throw new InputError('no_items', `The task ${name} has no questions.`)
  return { name, source, sampling, maxTokens, items: [first, ...others], configurations }
}

function checkGiven(
  name: string,
  { items, samples }: Pick<TaskToPlan, 'items' | 'samples'>,
  metrics: readonly MetricName[],
) {
  if (items.every(({ trace }) => trace !== undefined) && samples === 1 && !metrics.includes('pass')) return
  throw new InputError('invalid_option', `${name}: traces can only be replayed, all of them, once each`)
}

function configurationOf({ limit = Infinity, ...point }: PlannedPoint, items: number, samples: number): Configuration {
  const { evictEvery = null, segments = null, valueReserve = null } = point
  return {
    kind: 'sample',
    ...policyOf({ ...point, protect: effectiveProtection(point) }),
    ...boundOf({ ...point, evictEvery, segments, valueReserve }),
    items: Math.min(limit, items),
    samples,
  }
}

/** Of a user's own policy it is not known here what it protects. */
function effectiveProtection({ policy, policyOptions, protect = [] }: PlannedPoint): readonly ProtectedPart[] {
  if (!policyNames().includes(policy)) return protect
  const definition = findPolicy(policy)
  return addedProtection(definition, definition.protects(definition.options.parse(policyOptions)), protect)
}
