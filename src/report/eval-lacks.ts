/** What evaluations lack for a figure, found by asking one thing after another. */
import { evalTasks, valuesOf, type EvalTask, type NamedConfiguration } from './eval-rows.ts'
import { meansOverTasks } from './mean-over-tasks.ts'
import type { ReportSources } from './sources.ts'

/** What a task must have, and what to say if none of those that have come so far has it. */
export interface TaskNeed {
  readonly isMet: (one: EvalTask) => boolean
  readonly else: string
}

type Lacks = (sources: Pick<ReportSources, 'evaluations'>) => string | undefined

const begun: TaskNeed = {
  isMet: ({ configurations }) => configurations.length > 0,
  else: 'the evaluation has no results yet',
}

/** The first need that no task meets which meets all before it; undefined: some task meets all. */
export function firstUnmet(...needs: readonly TaskNeed[]): Lacks {
  return ({ evaluations }) => {
    let tasks = evalTasks(evaluations)
    for (const need of [begun, ...needs]) {
      tasks = tasks.filter(need.isMet)
      if (tasks.length === 0) return need.else
    }
    return undefined
  }
}

const sampledOf = ({ configurations }: EvalTask) => configurations.filter(({ sampling }) => sampling !== null)
const replayedOf = ({ configurations }: EvalTask) => configurations.filter(({ replay }) => replay !== null)
const isFull = ({ policy }: NamedConfiguration) => policy === 'full'
/** How many local windows and how many ratios there are. */
const windowsAndRatios = (one: EvalTask) => {
  const all = sampledOf(one)
  return [valuesOf(all, ({ localWindow }) => localWindow).length, valuesOf(all, ({ ratio }) => ratio).length]
}
const areDistinct = (names: readonly string[]) => new Set(names).size === names.length

export const sampled: TaskNeed = {
  isMet: (one) => sampledOf(one).length > 0,
  else: 'the evaluations are replays only, and answers have to be sampled (dynts eval without --traces, of a task other than recall)',
}
export const sampledFull: TaskNeed = {
  isMet: (one) => sampledOf(one).some(isFull),
  else: 'full is not among the policies of the evaluations',
}
export const pairedWithFull: TaskNeed = {
  isMet: (one) => sampledOf(one).some(({ sampling }) => sampling !== null && sampling.thinkingToFull !== null),
  else: 'no problem was answered under full and under another policy',
}
export const sampledOnce: TaskNeed = {
  isMet: (one) => areDistinct(sampledOf(one).map(({ name }) => name)),
  else: 'the evaluations have policies at several settings, which budget-sweep, accuracy-cells and window-ratio draw',
}
export const severalBudgets: TaskNeed = {
  isMet: (one) => valuesOf(sampledOf(one), ({ budget }) => budget).length > 1,
  else: 'the evaluations have one budget each (dynts eval --preset budget has several)',
}
export const onceAtEachBudget: TaskNeed = {
  isMet: (one) => areDistinct(sampledOf(one).map(({ name, budget }) => `${name} ${budget}`)),
  else: 'the evaluations have policies at several settings of the same budget',
}
export const oneWindowAndRatio: TaskNeed = {
  isMet: (one) => windowsAndRatios(one).every((count) => count === 1),
  else: 'the evaluations have more than one local window or ratio beside their budgets',
}
export const severalWindowsAndRatios: TaskNeed = {
  isMet: (one) => windowsAndRatios(one).every((count) => count > 1),
  else: 'the evaluations do not have several local windows and several ratios (dynts eval --preset window-ratio has)',
}
export const replayed: TaskNeed = {
  isMet: (one) => replayedOf(one).length > 0,
  else: 'nothing was replayed (dynts eval --metric pass,replay-loss does, and dynts eval --traces)',
}
export const replayedFull: TaskNeed = {
  isMet: (one) => replayedOf(one).some(isFull),
  else: 'full, to which losses are compared, is not among the policies that were replayed',
}
export const replayedOnce: TaskNeed = {
  isMet: (one) => areDistinct(replayedOf(one).map(({ name }) => name)),
  else: 'the replays are of too many settings, or of none that several policies share',
}
export const recalled: TaskNeed = {
  isMet: (one) => replayedOf(one).some(({ replay }) => (replay?.recall.length ?? 0) > 0),
  else: 'the evaluations are not of the task recall',
}
export const severalTasks: TaskNeed = {
  isMet: ({ run }) => evalTasks([run]).filter((one) => sampled.isMet(one)).length > 1,
  else: 'each evaluation is of one task',
}
export const policyInAllTasks: TaskNeed = {
  isMet: ({ run }) => meansOverTasks([run]).length > 0,
  else: 'no policy is in all tasks of an evaluation',
}
