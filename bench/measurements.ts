/**
 * What a part of a scenario has measured: one round for each repetition, and ratios within each round. Nearby rounds meet
 * the same noise, so a ratio within a round says more than a ratio of medians.
 */

/** Values by the name of what was measured. */
export type Round = Readonly<Record<string, number>>

/** A bound on the median, or with `always` on every value. */
export interface Target {
  readonly atLeast?: number
  readonly atMost?: number
  readonly always?: boolean
}

export interface RatioPlan {
  readonly name: string
  /** undefined: this round has none. */
  readonly of: (round: Round) => number | undefined
  /** What docs/benchmarks.md asks for. */
  readonly target?: Target
}

export interface Spread {
  readonly count: number
  readonly median: number
  readonly min: number
  readonly max: number
}

export class Measurements {
  readonly rounds: Round[] = []
  readonly ratios: RatioPlan[] = []
  /** Unit of each measured name. */
  readonly units: Record<string, string> = {}
  /** What measured values should be, by their names. */
  readonly targets: Record<string, Target> = {}
  /** What the numbers were measured with. */
  readonly settings: Record<string, unknown> = {}
  /** What a reader has to know beside the numbers. */
  readonly notes: string[] = []

  spreadOf(name: string): Spread | undefined {
    return spread(this.rounds.map((round) => round[name]))
  }

  spreadOfRatio(ratio: RatioPlan): Spread | undefined {
    return spread(this.rounds.map((round) => ratio.of(round)))
  }
}

/** Ratio of two measured values of a round. */
export function quotient(numerator: string, denominator: string): RatioPlan['of'] {
  return (round) => {
    const a = round[numerator]
    const b = round[denominator]
    return a === undefined || b === undefined ? undefined : a / b
  }
}

export function spread(values: readonly (number | undefined)[]): Spread | undefined {
  const sorted = values.filter((value) => value !== undefined).sort((a, b) => a - b)
  const [min] = sorted
  const max = sorted.at(-1)
  if (min === undefined || max === undefined) return undefined
  return { count: sorted.length, median: median(sorted), min, max }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length / 2
  const upper = sorted[Math.floor(middle)] ?? NaN
  return Number.isInteger(middle) ? ((sorted[middle - 1] ?? NaN) + upper) / 2 : upper
}
