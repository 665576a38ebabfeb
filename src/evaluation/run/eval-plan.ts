/**
 * All that a run is to measure, as data: kept beside the records, so that anyone can tell what is missing. Carries out nothing.
 */
import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import { InputError } from '../../errors.ts'
import { kvTypes } from '../../llama/index.ts'
import {
  boundFields,
  boundOf,
  describeModel,
  evalKinds,
  givenTrace,
  identityFields,
  itemSeed,
  jobFields,
  jobSettings,
  policyFields,
  policyOf,
  type EvalKind,
  type PlannedJob,
} from './eval-job.ts'

export const planSchema = 'dynts.eval.plan/1'

const { prompt, expected, grading } = jobFields
const { maxTokens, sampling } = jobSettings.shape

/** One policy with one set of settings. */
const configuration = z.object({
  kind: z.enum(evalKinds),
  ...policyFields,
  ...boundFields,
  /** The first so many items. */
  items: z.int().positive(),
  /** Of each item. */
  samples: z.int().positive(),
})

const plannedTask = z.object({
  name: z.string(),
  /** Where the questions are from. */
  source: z.string(),
  sampling,
  maxTokens,
  items: z.array(z.object({ id: z.string(), prompt, expected, grading, trace: givenTrace.optional() })).nonempty(),
  configurations: z.array(configuration),
})

export const evalPlan = z.object({
  schema: z.literal(planSchema),
  ...identityFields,
  /** SHA-256 of the calibration's file; null: no policy looks at one. */
  calibration: z.string().nullable().default(null),
  /** Of the run. */
  seed: z.int().nonnegative(),
  kvType: z.enum(kvTypes),
  tasks: z.array(plannedTask),
})

export type Configuration = Readonly<z.infer<typeof configuration>>
export type PlannedTask = Readonly<z.infer<typeof plannedTask>>
export type EvalPlan = Readonly<z.infer<typeof evalPlan>>

/** All jobs of one configuration, in their order: item by item, sample by sample. */
export interface PlannedGroup {
  readonly task: PlannedTask
  readonly configuration: Configuration
  readonly jobs: readonly PlannedJob[]
}

/** Task by task, samples before the replays of their traces. */
export function plannedGroups(plan: EvalPlan): PlannedGroup[] {
  return plan.tasks.flatMap((task) => {
    const ofKind = (kind: EvalKind) => task.configurations.filter((one) => one.kind === kind)
    return [...ofKind('sample'), ...ofKind('replay')].map((one) => ({
      task,
      configuration: one,
      jobs: jobsOf(plan, task, one),
    }))
  })
}

/** Whether these are the samples whose traces are replayed: those of `full`. */
export function areReferences({ kind, policy }: Configuration): boolean {
  return kind === 'sample' && policy === 'full'
}

export function referenceGroup(plan: EvalPlan, task: PlannedTask): PlannedGroup | undefined {
  const full = task.configurations.find(areReferences)
  return full && { task, configuration: full, jobs: jobsOf(plan, task, full) }
}

function jobsOf({ seed, kvType }: EvalPlan, task: PlannedTask, one: Configuration): PlannedJob[] {
  const { name, maxTokens, sampling } = task
  const settings = { ...boundOf(one), maxTokens, sampling, kvType }
  const common = { kind: one.kind, task: name, ...policyOf(one), settings }
  return task.items.slice(0, one.items).flatMap(({ id, prompt, expected, grading }) =>
    Array.from({ length: one.samples }, (_, sample) => {
      const seedOfSample = itemSeed(seed, name, id, sample)
      return { ...common, item: id, prompt, expected, grading, sample, seed: seedOfSample }
    }),
  )
}

/**
 * What a folder's plan becomes when `added` is run in it too: configurations, items and samples may grow.
 * @throws InputError `plan_differs` if the two have not the same model, predictor, seed, questions or settings of a task
 */
export function extendPlan(plan: EvalPlan, added: EvalPlan, where: string): EvalPlan {
  const difference = differenceOf(plan, added)
  if (difference !== undefined) {
    throw new InputError(
      'plan_differs',
      `${where} belongs to another run: ${difference}. Give another \`output\`, or \`resume: false\` to put it aside.`,
    )
  }
  const tasks = plan.tasks.map((task) => {
    const more = added.tasks.find(({ name }) => name === task.name)
    return more ? extendTask(task, more) : task
  })
  const known = new Set(plan.tasks.map(({ name }) => name))
  const calibration = plan.calibration ?? added.calibration
  return { ...plan, calibration, tasks: [...tasks, ...added.tasks.filter(({ name }) => !known.has(name))] }
}

/** Of the tasks that `to` has no more items, and no more samples of each, than it measures there. */
export function narrowPlan(plan: EvalPlan, to: EvalPlan): EvalPlan {
  const tasks = plan.tasks.map((task) => {
    const other = to.tasks.find(({ name }) => name === task.name)
    if (!other) return task
    const most = (of: (one: Configuration) => number) => Math.max(...other.configurations.map(of))
    const items = most((one) => one.items)
    const samples = most((one) => one.samples)
    const configurations = task.configurations.map((one) => ({
      ...one,
      items: Math.min(one.items, items),
      samples: Math.min(one.samples, samples),
    }))
    return { ...task, configurations }
  })
  return { ...plan, tasks }
}

/** What two plans have not in common and would have to, in words. */
function differenceOf(plan: EvalPlan, added: EvalPlan): string | undefined {
  if (!isDeepStrictEqual(plan.model, added.model)) {
    return `its model is ${describeModel(plan.model)}, not ${describeModel(added.model)}`
  }
  if (plan.predictor !== added.predictor) return 'it has another importance predictor'
  if (plan.calibration !== null && added.calibration !== null && plan.calibration !== added.calibration)
    return 'it has another calibration'
  if (plan.template !== added.template) return 'it has another chat template, template variables or thinking tags'
  if (plan.seed !== added.seed) return `its seed is ${plan.seed}, not ${added.seed}`
  if (plan.kvType !== added.kvType) return `its cache type is ${plan.kvType}, not ${added.kvType}`
  for (const task of added.tasks) {
    const known = plan.tasks.find(({ name }) => name === task.name)
    if (!known) continue
    if (known.maxTokens !== task.maxTokens)
      return `its \`maxTokens\` for ${task.name} are ${known.maxTokens}, not ${task.maxTokens}`
    if (!isDeepStrictEqual(known.sampling, task.sampling)) return `its sampling for ${task.name} is another`
    const common = Math.min(known.items.length, task.items.length)
    if (!isDeepStrictEqual(known.items.slice(0, common), task.items.slice(0, common)))
      return `its questions for ${task.name} are others (${known.source})`
  }
  return undefined
}

function extendTask(task: PlannedTask, more: PlannedTask): PlannedTask {
  const { items } = more.items.length > task.items.length ? more : task
  const configurations = task.configurations.map((one) => {
    const same = more.configurations.find((other) => isSameConfiguration(one, other))
    if (!same) return one
    return { ...one, items: Math.max(one.items, same.items), samples: Math.max(one.samples, same.samples) }
  })
  const further = more.configurations.filter(
    (one) => !task.configurations.some((other) => isSameConfiguration(one, other)),
  )
  return { ...task, items, configurations: [...configurations, ...further] }
}

/** The same, however many items. */
export function isSameConfiguration(a: Configuration, b: Configuration): boolean {
  return isDeepStrictEqual(a, { ...b, items: a.items, samples: a.samples })
}
