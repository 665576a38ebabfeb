/** The comparisons that come ready-made, as data: which policies with which settings on which tasks. */
import { defaultScoredPolicy } from '../../engine/cache-settings.ts'
import { findNamed } from '../../find-named.ts'
import type { PublishedSettings, Task } from '../tasks/task.ts'

/** One policy with its settings. null: it has none, because its cache is not bounded. */
export interface GridPoint {
  /** As a user would name it: `h2o`, `h2o+question`. */
  readonly policy: string
  /** B, in cells. */
  readonly budget: number | null
  /** W_l, in cells. */
  readonly localWindow: number | null
  /** null with a budget: `evictEvery` is given. */
  readonly ratio: number | null
  /** K, instead of a ratio. Default: null. */
  readonly evictEvery?: number | null | undefined
  /** So many parts of the candidates keep their share. Default: null, none does. */
  readonly segments?: number | null | undefined
  /** Share of the budget that stays for the largest values. Default: null, none. */
  readonly valueReserve?: number | null | undefined
}

/** What a preset varies; what is absent is as published for the task and the model. */
export interface Sweep {
  readonly budgets?: readonly number[]
  readonly localWindows?: readonly number[]
  readonly ratios?: readonly number[]
  /** K, instead of the ratios. */
  readonly evictEvery?: readonly number[]
}

export interface Preset {
  readonly name: string
  /** The paper's; each preset runs on any other task as well. */
  readonly tasks: readonly string[]
  /** In the order for tables; `h2o+question`: under additional protection. */
  readonly policies: readonly string[]
  readonly paper: Sweep
  /** On the embedded model's problems. */
  readonly chain: Sweep
}

const fourTasks = ['aime24', 'aime25', 'amc23', 'gpqa-diamond']
const sixTasks = [...fourTasks, 'gaokao2023en', 'math500']

/**
 * Policies without which a comparison proves nothing (docs/fidelity.md): the upper bound, the newest tokens alone, the question
 * with the newest tokens, and the question with any tokens. Each is in every preset.
 */
export const controls: readonly string[] = ['full', 'window', 'question-window', 'random']
/** What a predictor is for: the paper's policy, and the default one. */
export const scored: readonly string[] = ['dynts', defaultScoredPolicy]

/**
 * As published, where they may lose the question, and with the question protected: most of what DynTS has over the first it
 * need not have over the second.
 */
const twice = (policies: readonly string[]) => policies.flatMap((policy) => [policy, `${policy}+question`])
const attentionBased = ['h2o', 'snapkv', 'r-kv']

/** The full cache, which has no settings. */
export const fullPoint: GridPoint = { policy: 'full', budget: null, localWindow: null, ratio: null }

const presets: readonly Preset[] = [
  {
    name: 'table1',
    tasks: sixTasks,
    // The paper's eight: full, window, streaming-llm, sepllm, h2o, snapkv, r-kv, dynts.
    policies: [
      ...['full', 'window', ...twice(['streaming-llm', 'sepllm', ...attentionBased, 'tova'])],
      ...['question-window', 'random', ...scored],
    ],
    paper: {},
    chain: {},
  },
  {
    name: 'ablation',
    tasks: sixTasks,
    // w.o. Q, w.o. L, w.o. T, T-Random and T-Bottom, in this order behind dynts.
    policies: [
      ...['full', 'window', 'dynts', 'dynts-no-question', 'dynts-no-local'],
      ...['question-window', 'random', 'dynts-bottom', ...twice(attentionBased)],
    ],
    paper: {},
    chain: {},
  },
  {
    name: 'budget',
    tasks: fourTasks,
    policies: [...controls, ...scored],
    paper: { budgets: [2500, 3000, 3500, 4000, 4500, 5000] },
    chain: { budgets: [224, 256, 288, 320, 352, 384, 416, 448] },
  },
  {
    name: 'window-ratio',
    tasks: fourTasks,
    policies: [...controls, 'dynts'],
    paper: { budgets: [5000], localWindows: [500, 1000, 2000, 3000], ratios: [0.1, 0.2, 0.3, 0.4, 0.5] },
    chain: { budgets: [256], localWindows: [16, 32, 48, 64], ratios: [0.2, 0.4, 0.5, 0.6, 0.8] },
  },
]

/** In the order for help texts. */
export const presetNames: readonly string[] = presets.map(({ name }) => name)

/** @throws InputError `unknown_preset`, naming all presets and the one that was probably meant */
export function findPreset(name: string): Preset {
  return findNamed(presets, name, 'preset', 'Presets')
}

/**
 * All points of a preset for a task and a model: `full` once, every other policy at every combination of the preset's
 * settings.
 * @param modelName as for `Task.published`
 */
export function gridOf(preset: Preset, task: Pick<Task, 'name' | 'published'>, modelName: string): GridPoint[] {
  return sweepGrid(preset.policies, sweepFor(preset, task), task.published(modelName))
}

export function sweepFor({ chain, paper }: Preset, { name }: Pick<Task, 'name'>): Sweep {
  return name === 'chain' ? chain : paper
}

/** `full` once, every other policy at every combination of the sweep's settings. */
export function sweepGrid(
  policies: readonly string[],
  { budgets, localWindows, ratios, evictEvery }: Sweep,
  published: PublishedSettings,
): GridPoint[] {
  const shares: readonly Pick<GridPoint, 'ratio' | 'evictEvery'>[] = evictEvery
    ? evictEvery.map((cells) => ({ ratio: null, evictEvery: cells }))
    : (ratios ?? [published.ratio]).map((ratio) => ({ ratio }))
  const bounds = (budgets ?? [published.budget]).flatMap((budget) =>
    (localWindows ?? [published.localWindow]).flatMap((localWindow) =>
      shares.map((share) => ({ budget, localWindow, ...share })),
    ),
  )
  return policies.flatMap((policy): GridPoint[] =>
    policy === 'full' ? [fullPoint] : bounds.map((bound) => ({ policy, ...bound })),
  )
}
