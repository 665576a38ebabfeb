/** All figures, in the order of a report. */
import { didYouMean } from '../did-you-mean.ts'
import { InputError } from '../errors.ts'
import type { Figure } from './figure.ts'
import { accuracy } from './figures/accuracy.ts'
import { accuracyCells } from './figures/accuracy-cells.ts'
import { budgetSweep } from './figures/budget-sweep.ts'
import { cacheLength } from './figures/cache-length.ts'
import { contentWords } from './figures/content-words.ts'
import { cost } from './figures/cost.ts'
import { importanceByPosition } from './figures/importance-by-position.ts'
import { importanceProfile } from './figures/importance-profile.ts'
import { keptCellsFigure } from './figures/kept-cells.ts'
import { live } from './figures/live.ts'
import { pareto } from './figures/pareto.ts'
import { paretoTasks } from './figures/pareto-tasks.ts'
import { recallFigure } from './figures/recall.ts'
import { replayLoss } from './figures/replay-loss.ts'
import { taskMean } from './figures/task-mean.ts'
import { thinking } from './figures/thinking.ts'
import { throughputFigure } from './figures/throughput.ts'
import { trainingCurves } from './figures/training-curves.ts'
import { windowRatio } from './figures/window-ratio.ts'

export const figures: readonly Figure[] = [
  accuracy,
  accuracyCells,
  taskMean,
  replayLoss,
  recallFigure,
  budgetSweep,
  windowRatio,
  cacheLength,
  thinking,
  throughputFigure,
  live,
  cost,
  keptCellsFigure,
  importanceProfile,
  importanceByPosition,
  contentWords,
  pareto,
  paretoTasks,
  trainingCurves,
]

/** @throws InputError `unknown_figure`, naming all and the one that was probably meant */
export function findFigure(name: string): Figure {
  const found = figures.find((figure) => figure.name === name)
  if (found) return found
  const names = figures.map((figure) => figure.name)
  const hint = didYouMean(name, names)
  throw new InputError('unknown_figure', `There is no figure "${name}".${hint} Figures: ${names.join(', ')}.`)
}
