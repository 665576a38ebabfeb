/**
 * What `dynts eval` says before anything runs: all that the results depend on. Decides nothing.
 */
import { shareText } from '../../cache/budget.ts'
import { missingMetadata } from '../../models/missing-metadata.ts'
import { formatPolicyReference } from '../../eviction/protect.ts'
import { groupBy } from '../../group-by.ts'
import { notNull } from '../../pick.ts'
import { count, counted } from '../output/counted.ts'
import { estimatedTokens, howItFills } from '../output/how-it-fills.ts'
import { modelTitle } from '../options/model-option.ts'
import { windowLoss } from '../options/setting-facts.ts'
import type { LocatedModel } from '../../engine/locate-model.ts'
import type { Configuration, EvalPlan, PlannedTask } from '../../evaluation/run/eval-plan.ts'
import { configurationName } from '../../evaluation/run/summarise.ts'
import { policyOf, type Shard } from '../../evaluation/run/eval-job.ts'

export interface WhereItRuns {
  /** Sequences at the same time, by task; undefined: workers decide. */
  readonly parallel: ((task: string) => number) | undefined
  readonly shard: Shard | undefined
  /** The folder. */
  readonly output: string
  /** Tasks of other runs that it holds. */
  readonly held: readonly string[]
}

/** Lines for a person. */
export function whatIsPlanned(
  { info, predictor }: LocatedModel,
  plan: EvalPlan,
  { parallel, shard, output, held }: WhereItRuns,
): string[] {
  const part = shard ? `, part ${shard.index} of ${shard.count}` : ''
  return [
    `${modelTitle(info)}, ${predictor ? 'with' : 'without'} an importance predictor; cache ${plan.kvType}, seed ${plan.seed}`,
    ...missingMetadata(info),
    ...(plan.template === null ? [] : ['with the chat template, template variables or thinking tags that were given']),
    ...plan.tasks.flatMap((task) => taskLines(task, parallel)),
    ...contextLines(plan.tasks, info.trainedContext),
    ...windowLoss(smallestLocalWindow(plan), info),
    `into ${output}${part}`,
    ...(held.length === 0 ? [] : [`adds to what ${output} has of ${held.join(', ')}`]),
  ]
}

const gradedAs: Readonly<Record<PlannedTask['items'][number]['grading'], string>> = {
  math: 'as mathematics',
  choice: 'by its letter',
  chain: 'as text',
  names: 'as names',
  order: 'as names in their order',
  code: 'by running it',
}

/** The first question of each task as the model gets it, and what its answer is compared with. */
export function firstPrompts({ tasks }: EvalPlan): string[] {
  return tasks.flatMap(({ name, items }) =>
    items
      // Those of traces are tokens.
      .filter(({ trace }) => trace === undefined)
      .slice(0, 1)
      .flatMap(({ id, prompt, expected, grading }) => [
        `\nthe first prompt of ${name} (${id}):\n\n${prompt}\n`,
        `its right answer, compared ${gradedAs[grading]}: ${expected}`,
      ]),
  )
}

function taskLines(
  { name, source, sampling, maxTokens, items, configurations }: PlannedTask,
  parallel: WhereItRuns['parallel'],
) {
  const { temperature, topP, topK } = sampling
  const at = parallel ? `up to ${parallel(name)} at the same time` : 'by workers'
  return [
    items.some(({ trace }) => trace !== undefined)
      ? `${name} (${source}), given: ${at}`
      : `${name} (${source}): temperature ${temperature}, top-p ${topP}, top-k ${topK}, at most ${maxTokens} tokens, ${at}`,
    ...grids(configurations).flatMap(gridLines),
    ...fillingLines(items, configurations),
  ]
}

/** What the settings of the task's policies mean in cells, with a prompt of middle length. */
function fillingLines(items: PlannedTask['items'], configurations: readonly Configuration[]): string[] {
  const lengths = items.map(({ prompt, trace }) => trace?.promptTokens.length ?? estimatedTokens(prompt))
  const middle = lengths.sort((a, b) => a - b)[Math.floor(lengths.length / 2)] ?? 0
  const lines = configurations.flatMap(({ budget, localWindow, ratio, evictEvery }) => {
    if (budget === null || localWindow === null) return []
    const filling = howItFills({ budget, localWindow, ...notNull({ ratio, evictEvery }) }, middle)
    return filling === undefined
      ? []
      : [`  B ${budget} W_l ${localWindow} ${shareText({ ratio, evictEvery })}: ${filling}`]
  })
  return [...new Set(lines)]
}

/** Configurations that differ in their settings only. */
function grids(configurations: readonly Configuration[]): Configuration[][] {
  const keyOf = (one: Configuration) => {
    const { kind, items, samples, evictEvery, segments, valueReserve } = one
    return JSON.stringify([kind, policyOf(one), items, samples, evictEvery === null, segments, valueReserve])
  }
  return [...groupBy(configurations, keyOf).values()]
}

/** One line for a whole grid; one for each configuration if there are gaps in it. */
function gridLines(grid: Configuration[]): string[] {
  const [first] = grid
  if (!first) return []
  const samples = first.samples > 1 ? ` x ${first.samples} samples` : ''
  const replays = first.kind === 'replay' ? ', replays' : ''
  const work = `${counted(first.items, 'item')}${samples}${replays}`
  const axes = [
    new Set(grid.map(({ budget }) => budget)),
    new Set(grid.map(({ localWindow }) => localWindow)),
    new Set(grid.map(({ ratio, evictEvery }) => evictEvery ?? ratio)),
  ] as const
  const [budgets, windows, shares] = axes
  if (grid.length === 1 || grid.length < budgets.size * windows.size * shares.size) {
    return grid.map((one) => `  ${configurationName(one)}: ${work}`)
  }
  const parts = first.segments === null ? '' : ` segments ${first.segments}`
  const reserve = first.valueReserve === null ? '' : ` value-reserve ${first.valueReserve}`
  const list = (values: ReadonlySet<number | null>) => [...values].join(',')
  return [
    `  ${formatPolicyReference(first)} B ${list(budgets)} W_l ${list(windows)} ${first.evictEvery === null ? 'ratio' : 'evict-every'} ${list(shares)}${parts}${reserve}: ${grid.length} configurations, each ${work}`,
  ]
}

/** Undefined: nothing is evicted. */
function smallestLocalWindow({ tasks }: EvalPlan): number | undefined {
  const windows = tasks.flatMap(({ configurations }) => configurations.flatMap(({ localWindow }) => localWindow ?? []))
  return windows.length > 0 ? Math.min(...windows) : undefined
}

function contextLines(tasks: readonly PlannedTask[], trainedContext: number): string[] {
  if (tasks.every(({ maxTokens }) => maxTokens < trainedContext)) return []
  return [
    `The model was trained for ${count(trainedContext)} positions: a generation that reaches them ends there, and counts as cut off.`,
  ]
}
