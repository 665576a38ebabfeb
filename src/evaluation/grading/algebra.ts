/**
 * What comparing answers asks of formulas.
 */
/** The two sides of an equation, as LaTeX. */
export type Sides = readonly [left: string, right: string]

export interface Algebra {
  /** Whether two formulas have the same value, whatever their variables are. */
  readonly same: (a: string, b: string) => boolean
  /** Whether the differences of two pairs of sides are multiples of each other: positive ones, where that is asked. */
  readonly proportional: (a: Sides, b: Sides, positive: boolean) => boolean
  /** The value of a real number, in double precision; undefined for anything else. */
  readonly number: (latex: string) => number | undefined
}
