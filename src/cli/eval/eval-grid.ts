/**
 * From the flags of `dynts eval` to a plan: which tasks, policies and settings, and where the published ones are used. Loads
 * questions, and no model.
 */
import { basename } from 'node:path'
import { validateCacheSettings } from '../../cache/budget.ts'
import type { LocatedModel } from '../../engine/locate-model.ts'
import { loadLocated, type Model } from '../../engine/model.ts'
import { defined } from '../../defined.ts'
import { resolvePolicyOptions } from '../../engine/cache-settings.ts'
import { checkModelHas } from '../../engine/prepare.ts'
import { InputError } from '../../errors.ts'
import { controls, findPreset, scored, sweepFor, sweepGrid } from '../../evaluation/presets/presets.ts'
import type { GridPoint, Preset, Sweep } from '../../evaluation/presets/presets.ts'
import type { EvalPlan } from '../../evaluation/run/eval-plan.ts'
import { hashFile, identify } from '../../evaluation/run/identity.ts'
import { makePlan, type PlannedPoint, type TaskToPlan } from '../../evaluation/run/make-plan.ts'
import { isPolicyFile } from '../../eviction/load-policy.ts'
import { parsePolicyReference } from '../../eviction/protect.ts'
import { parsePolicyOptions } from '../../eviction/registry.ts'
import { findTask } from '../../evaluation/tasks/registry.ts'
import { isOnHub } from '../../evaluation/tasks/task-file.ts'
import type { PublishedSettings, Task, TaskLoadOptions } from '../../evaluation/tasks/task.ts'
import { defaultSampling, validateSampling } from '../../llama/index.ts'
import { parseReference } from '../../models/reference.ts'
import { notNull } from '../../pick.ts'
import { checkCalibrationUse, usesCalibration } from '../options/calibration-option.ts'
import { counted } from '../output/counted.ts'
import { choosePolicies, refuseUnbounded, type ChosenPolicy } from '../options/chosen-policies.ts'
import { limitOf, metricsOf, type EvalFlags } from './eval-options.ts'
import { settingFacts } from '../options/setting-facts.ts'
import { cacheFlagValues } from '../options/setting-flags.ts'
import { checkTaskFlags } from '../options/task-options.ts'
import { traceTask, traceTaskName } from './trace-task.ts'

/** What the flags ask for, before anything is located or loaded. */
export interface EvalChoice {
  readonly preset: Preset | undefined
  /** Of traces there is no task yet: it depends on the model. */
  readonly tasks: readonly Task[]
  /** Undefined: the default ones, which depend on the model. */
  readonly policies: readonly ChosenPolicy[] | undefined
  readonly output: string
}

/** @throws InputError `unknown_preset`, `unknown_task`, `unknown_policy`, `task_needed`, `invalid_option` */
export function chooseEval(flags: EvalFlags): EvalChoice {
  const preset = flags.preset === undefined ? undefined : findPreset(flags.preset)
  const isEmbedded = parseReference(flags.model).kind === 'embedded'
  const isGiven = flags.traces !== undefined
  const fallback = isGiven ? [] : flags.file !== undefined ? ['file'] : isEmbedded ? ['chain'] : preset?.tasks
  const taskList = flags.task ?? fallback
  if (!taskList) throw new InputError('task_needed', 'Which questions? Give --task, --preset, --file or --traces.')
  const tasks = taskList.map(findTask)
  if (flags.file !== undefined && tasks.length > 1) {
    throw new InputError('invalid_option', '--file takes the place of one task’s questions: give one --task')
  }
  checkTaskFlags(flags, tasks)
  const references = flags.policy ?? preset?.policies
  if (flags.queue !== undefined) refusePolicyFiles(references ?? [])
  const policies = references && choosePolicies(references, flags)
  if (policies) refuseUnbounded(policies, cacheFlagValues(flags))
  const [only] = taskList
  const name = isGiven ? traceTaskName : tasks.length === 1 ? (only ?? '') : (flags.preset ?? 'tasks')
  const output = flags.output ?? `eval-${name}`
  return { preset, tasks, policies, output }
}

export interface EvalGrid {
  readonly plan: EvalPlan
  /** Files of users' own policies, by the names that they have in jobs. */
  readonly policyFiles: ReadonlyMap<string, string>
  readonly parallel: (task: string) => number
}

/**
 * @throws InputError for questions that cannot be had, settings that nothing could run under, and `missing_predictor`
 */
export async function planEval(
  flags: EvalFlags,
  choice: EvalChoice,
  located: LocatedModel,
  loading: Pick<TaskLoadOptions, 'signal' | 'onDownload'>,
): Promise<EvalGrid> {
  const policies = choice.policies ?? choosePolicies(defaultPolicies(located), flags)
  const facts = { ...settingFacts(located), notEvictable: undefined }
  for (const { definition } of policies) checkModelHas(facts, definition)
  checkCalibrationUse(flags, policies)
  const limit = limitOf(flags, policies)
  const complete = (point: GridPoint): PlannedPoint => {
    const policy = policies.find(({ reference }) => reference === point.policy)
    if (!policy) throw new Error(`the grid has a policy that was not chosen: ${point.policy}`)
    const { definition, options, protect } = policy
    const policyOptions = parsePolicyOptions(
      definition,
      resolvePolicyOptions(definition, located.predictor ?? {}, options),
    )
    const own = { policyOptions, policyHash: definition.hash ?? null, protect, limit: limit(policy) }
    return { ...point, policy: definition.name, ...own }
  }
  const { name, trainedContext } = located.info
  const references = policies.map(({ reference }) => reference)
  const published = new Map<string, PublishedSettings>()
  const tasks = await withVocabulary(located, loading.signal, async (vocabulary) => {
    const planned: TaskToPlan[] = []
    for (const task of flags.traces === undefined ? choice.tasks : [traceTask(flags.traces, located)]) {
      const settings = task.published(name)
      published.set(task.name, settings)
      const sweep = sweepOf(flags, choice.preset, task)
      const grid = sweepGrid(references, sweep, settings).map((point) => withStaying(point, flags))
      for (const point of grid) checkPoint(point)
      const options = { ...loading, trainedContext, vocabulary }
      planned.push(await taskOf(flags, task, settings, grid.map(complete), options))
    }
    return planned
  })
  const policyFiles = new Map(
    policies.flatMap(({ definition: { name, file } }) => (file === undefined ? [] : [[name, file]])),
  )
  const { seed, kvType } = flags
  const { calibrationPath } = located
  const isUsed = calibrationPath !== undefined && policies.some(usesCalibration)
  const calibration = isUsed ? (await hashFile(calibrationPath)).sha256 : null
  const identity = await identify(located)
  const plan = makePlan({ identity, calibration, seed, kvType, metrics: metricsOf(flags), tasks })
  return { plan, policyFiles, parallel: (task) => flags.parallel ?? published.get(task)?.parallel ?? 1 }
}

/** @param work gets the model's vocabulary, which is loaded when it is first asked for */
async function withVocabulary<T>(
  located: LocatedModel,
  signal: AbortSignal | undefined,
  work: (vocabulary: () => Promise<Model>) => Promise<T>,
): Promise<T> {
  let model: Promise<Model> | undefined
  try {
    return await work(() => (model ??= loadLocated(located, { vocabularyOnly: true, gpu: 'off', signal })))
  } finally {
    await (await model)?.close()
  }
}

/** The preset's with what the flags say instead; without a preset the flags alone. */
function sweepOf(flags: EvalFlags, preset: Preset | undefined, task: Task): Sweep {
  const { budget: budgets, localWindow: localWindows, ratio: ratios, evictEvery } = flags
  return { ...(preset && sweepFor(preset, task)), ...defined({ budgets, localWindows, ratios, evictEvery }) }
}

async function taskOf(
  flags: EvalFlags,
  task: Task,
  published: PublishedSettings,
  points: readonly PlannedPoint[],
  loading: Pick<TaskLoadOptions, 'signal' | 'onDownload' | 'vocabulary' | 'trainedContext'>,
): Promise<TaskToPlan> {
  const { file, questionField, answerField, idField, generateSeed, distance: distances, offline, seed } = flags
  const most = Math.max(...points.map(({ limit = Infinity }) => limit))
  const limit = Number.isFinite(most) ? most : undefined
  const { source, items, leftOut } = await task.load({
    ...{ file, questionField, answerField, idField, generateSeed, distances, offline, seed, limit },
    ...loading,
  })
  const { temperature, topP, topK } = flags
  const sampling = { ...published.sampling, ...defined({ temperature, topP, topK }) }
  validateSampling({ ...defaultSampling, ...sampling }, seed)
  return {
    name: task.name,
    // The same questions may lie elsewhere on another machine.
    source: `${file === undefined || isOnHub(file) ? source : basename(file)}${leftOut > 0 ? `, ${counted(leftOut, 'row')} without an answer left out` : ''}`,
    items,
    sampling,
    maxTokens: flags.maxTokens ?? published.maxTokens,
    samples: flags.samples ?? published.samples,
    points,
  }
}

/** The controls, and the policies of a predictor where the model has one. */
function defaultPolicies({ predictor }: LocatedModel): string[] {
  return [...controls, ...(predictor ? scored : [])]
}

function refusePolicyFiles(references: readonly string[]): void {
  const own = references.find((reference) => isPolicyFile(parsePolicyReference(reference).policy))
  if (own === undefined) return
  const advice = 'workers run the policies of dynts only. Run your own without --queue'
  throw new InputError('invalid_option', `${own}: ${advice}`)
}

/** With what stays whatever it scores. */
function withStaying(point: GridPoint, { segments, valueReserve }: EvalFlags): GridPoint {
  return point.budget === null ? point : { ...point, ...defined({ segments, valueReserve }) }
}

function checkPoint({ budget, localWindow, ratio, evictEvery, segments, valueReserve }: GridPoint): void {
  if (budget === null || localWindow === null) return
  validateCacheSettings({ budget, localWindow, ...notNull({ ratio, evictEvery, segments, valueReserve }) })
}
