/** How well predicted importance agrees with the true one: for one trace, and over traces. */
import type { HeldOutFigures } from '../predictor/checkpoint.ts'

/** Shares of the tokens, in percent, that a prediction may choose: those of the paper's Figure 7. */
const chosenPercents = [20, 30, 40, 50, 60, 70, 80, 90] as const
/** "Truly important" are the tokens of highest importance, this many percent. */
const truePercent = 20

/** Figures of one trace; NaN where a figure is not defined. */
export interface TraceFigures {
  readonly mse: number
  readonly kendallTau: number
  /** By percent, e.g. `30`. */
  readonly overlap: Readonly<Record<string, number>>
}

/** Mean over the tokens of one trace; both of shape [n]. */
export function meanSquaredError(target: ArrayLike<number>, predicted: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < target.length; i++) sum += ((predicted[i] ?? NaN) - (target[i] ?? NaN)) ** 2
  return sum / target.length
}

/**
 * Kendall's tau-b, which allows for ties on both sides, in O(n log n): Knight, "A Computer Method for Calculating Kendall's
 * Tau with Ungrouped Data" (1966). Both arrays have the shape [n].
 * @returns -1 to 1; NaN if a side is constant or holds a NaN
 */
export function kendallTauB(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const n = a.length
  const order = Uint32Array.from({ length: n }, (_, i) => i)
  const at = (values: ArrayLike<number>, i: number) => values[i] ?? NaN
  for (let i = 0; i < n; i++) if (Number.isNaN(at(a, i)) || Number.isNaN(at(b, i))) return NaN
  order.sort((i, j) => compare(at(a, i), at(a, j)) || compare(at(b, i), at(b, j)))
  const first = Float64Array.from(order, (i) => at(a, i))
  const second = Float64Array.from(order, (i) => at(b, i))
  const tiedFirst = tiedPairs(n, (i) => first[i] === first[i - 1])
  const tiedBoth = tiedPairs(n, (i) => first[i] === first[i - 1] && second[i] === second[i - 1])
  // Pairs in the wrong order: what a sort by b has to exchange after the sort by a. It also leaves b in order.
  const discordant = sortCountingSwaps(second)
  const tiedSecond = tiedPairs(n, (i) => second[i] === second[i - 1])
  const pairs = (n * (n - 1)) / 2
  const difference = pairs - tiedFirst - tiedSecond + tiedBoth - 2 * discordant
  return difference / Math.sqrt((pairs - tiedFirst) * (pairs - tiedSecond))
}

/**
 * The share of the truly most important tokens that are among the `chosen` percent of highest prediction (the paper's
 * Figure 7). Sets have floor(share * n) tokens; of equal values the newer token comes first, as at an eviction.
 * @returns 0 to 1; NaN for a trace so short that no token is truly important
 */
export function overlapOfTop(truth: ArrayLike<number>, predicted: ArrayLike<number>, chosen: number): number {
  return overlapOfOrders(highestFirst(truth), highestFirst(predicted), chosen)
}

/**
 * All figures of one trace, arrays of shape [n].
 * @param importance the true importance, of which only the order counts
 * @param target the same on the scale that the predictor estimates, for the MSE
 */
export function evaluateTrace(
  importance: ArrayLike<number>,
  target: ArrayLike<number>,
  predicted: ArrayLike<number>,
): TraceFigures {
  const truth = highestFirst(importance)
  const guess = highestFirst(predicted)
  const tau = kendallTauB(importance, predicted)
  const isOrdered = importance[truth[0] ?? 0] !== importance[truth.at(-1) ?? 0]
  return {
    mse: meanSquaredError(target, predicted),
    // Where there is an order to be found, equal scores for all tokens have found nothing of it.
    kendallTau: Number.isNaN(tau) && isOrdered ? 0 : tau,
    overlap: Object.fromEntries(chosenPercents.map((p) => [String(p), overlapOfOrders(truth, guess, p)])),
  }
}

/** The mean over traces; a trace for which a figure is not defined is left out of that figure. */
export function averageFigures(traces: readonly TraceFigures[]): HeldOutFigures {
  const mean = (of: (figures: TraceFigures) => number | undefined) => {
    const defined = traces.map((figures) => of(figures) ?? NaN).filter((value) => !Number.isNaN(value))
    return defined.reduce((sum, value) => sum + value, 0) / defined.length
  }
  // An MSE that is not a number is not undefined: the predictor has diverged.
  const mse = traces.reduce((sum, figures) => sum + figures.mse, 0) / traces.length
  return {
    traces: traces.length,
    mse,
    kendallTau: mean(({ kendallTau }) => kendallTau),
    overlap: Object.fromEntries(chosenPercents.map((p) => [String(p), mean(({ overlap }) => overlap[String(p)])])),
  }
}

/** Indices by falling value; of equal values the newer (higher index) first. NaN comes last. */
function highestFirst(values: ArrayLike<number>): Uint32Array {
  const key = Float64Array.from(values, (value) => (Number.isNaN(value) ? -Infinity : value))
  const at = (i: number) => key[i] ?? -Infinity
  return Uint32Array.from(key, (_, i) => i).sort((i, j) => compare(at(j), at(i)) || j - i)
}

/** Not a difference: infinity minus infinity is NaN. */
function compare(x: number, y: number): number {
  return x < y ? -1 : x > y ? 1 : 0
}

function overlapOfOrders(truth: Uint32Array, guess: Uint32Array, chosen: number): number {
  const important = truth.subarray(0, topCount(truth.length, truePercent))
  const found = new Set(guess.subarray(0, topCount(guess.length, chosen)))
  return important.filter((i) => found.has(i)).length / important.length
}

/** Whole percents keep this exact: 0.3 * 10 is 3, but 0.7 * 10 is not 7. */
function topCount(n: number, percent: number): number {
  return Math.floor((n * percent) / 100)
}

/** Pairs of equal elements in an ordered array of `n`, where `equalsPrevious` compares neighbours. */
function tiedPairs(n: number, equalsPrevious: (i: number) => boolean): number {
  let pairs = 0
  for (let i = 1, run = 0; i < n; i++) {
    run = equalsPrevious(i) ? run + 1 : 0
    pairs += run
  }
  return pairs
}

/** Sorts in place by merging, and counts the pairs that were in the wrong order. */
function sortCountingSwaps(values: Float64Array): number {
  const n = values.length
  let swaps = 0
  let from: Float64Array = values
  let to: Float64Array = new Float64Array(n)
  for (let width = 1; width < n; width *= 2) {
    for (let start = 0; start < n; start += 2 * width) {
      const middle = Math.min(start + width, n)
      const end = Math.min(start + 2 * width, n)
      let left = start
      let right = middle
      for (let i = start; i < end; i++) {
        const takeLeft = right >= end || (left < middle && (from[left] ?? 0) <= (from[right] ?? 0))
        if (!takeLeft) swaps += middle - left
        to[i] = from[takeLeft ? left++ : right++] ?? 0
      }
    }
    ;[from, to] = [to, from]
  }
  if (from !== values) values.set(from)
  return swaps
}
