/** What follows from the replay of held-out traces: what the predictor recommends, and what that is worth. */
import { shareText } from '../../cache/budget.ts'
import type { Estimate } from '../../evaluation/metrics/estimate.ts'
import { replayLossDifference, type ReplayedSample } from '../../evaluation/metrics/replay-loss.ts'
import { intervalText, signed } from '../../evaluation/run/table-cells.ts'
import {
  isSurelyBetter,
  lossesAt,
  type HeldOutLosses,
  type MeasuredPoint,
  type RecommendedPoint,
} from '../../training/recommended-settings.ts'
import { counted } from '../output/counted.ts'
import type { Recommendation } from './predictor-file.ts'

export interface HeldOutResult {
  readonly recommended: Recommendation
  /** For people: what it is, and what it rests on. */
  readonly lines: readonly string[]
}

/** @param small what was tried beside the best: smaller steps */
export function concluded(
  measured: readonly HeldOutLosses[],
  best: RecommendedPoint,
  small: MeasuredPoint,
  seed: number,
): HeldOutResult {
  const { policy, ...point } = best
  const [own, inSmallSteps] = [lossesAt(measured, policy, point), lossesAt(measured, policy, small)]
  const takesSmall = isSurelyBetter(inSmallSteps, own, seed)
  const recommended = { policy, ...(takesSmall ? small : point) }
  const { budget, localWindow } = recommended
  return {
    recommended,
    lines: [
      `The predictor recommends ${policy}, budget ${budget}, local window ${localWindow}, ${shareText(recommended)}.`,
      ...verdict(
        takesSmall ? inSmallSteps : own,
        lossesAt(measured, 'full', null),
        lossesAt(measured, 'question-window', point),
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
