/** What follows from the replay of held-out traces: what the predictor recommends, and what that is worth. */
import { shareText } from '../../cache/budget.ts'
import { defined } from '../../defined.ts'
import type { Estimate } from '../../evaluation/metrics/estimate.ts'
import { replayLossDifference, type ReplayedSample } from '../../evaluation/metrics/replay-loss.ts'
import { intervalText, signed } from '../../evaluation/run/table-cells.ts'
import {
  isSurelyBetter,
  lossesAt,
  lossesUnder,
  type HeldOutLosses,
  type RecommendedPoint,
} from '../../training/recommended-settings.ts'
import { counted } from '../output/counted.ts'
import type { Recommendation } from './predictor-file.ts'

export interface HeldOutResult {
  readonly recommended: Recommendation
  /** For people: what it is, and what it rests on. */
  readonly lines: readonly string[]
}

export function concluded(measured: readonly HeldOutLosses[], best: RecommendedPoint, seed: number): HeldOutResult {
  const { policy, diversity, ...point } = best
  const { budget, localWindow } = best
  const weight = diversity === undefined ? '' : `, diversity ${diversity}`
  return {
    recommended: defined(best),
    lines: [
      `The predictor recommends ${policy}${weight}, budget ${budget}, local window ${localWindow}, ${shareText(best)}.`,
      ...verdict(
        lossesUnder(measured, best),
        lossesAt(measured, { policy: 'full' }, null),
        lossesAt(measured, { policy: 'question-window' }, point),
        seed,
      ),
    ],
  }
}

function verdict(
  own: readonly ReplayedSample[],
  full: readonly ReplayedSample[],
  newest: readonly ReplayedSample[],
  seed: number,
): string[] {
  const to = (name: string, other: readonly ReplayedSample[]) => {
    const difference = replayLossDifference(own, other, seed)
    return difference ? [`${differenceText(difference)} to ${name}`] : []
  }
  const differences = [...to('full', full), ...to('question-window', newest)]
  if (differences.length === 0) return []
  return [
    `Replay loss of the reply on ${counted(own.length, 'held-out trace')}: ${differences.join(', ')}.`,
    ...doubts(own, newest, seed),
  ]
}

function doubts(own: readonly ReplayedSample[], newest: readonly ReplayedSample[], seed: number): string[] {
  if (newest.length === 0 || isSurelyBetter(own, newest, seed)) return []
  return !replayLossDifference(own, newest, seed)?.interval
    ? ['So few traces tell nothing apart, so the usual is recommended: five held-out questions are the least.']
    : ['It cannot be told from question-window on these, which needs no predictor: more traces may help.']
}

/** e.g. `+0.0123 nats (+0.0040 to +0.0210)` */
function differenceText(estimate: Estimate): string {
  const four = (value: number) => signed(value, 4)
  return `${four(estimate.mean)} nats ${intervalText(estimate, four)}`.trimEnd()
}
