/** Exponentials of a whole vocabulary: for 152k tokens there is no time for as many calls of `Math.exp`. */

/** A token whose logit is this much below the largest has no share that a double could show. */
export const negligible = 40
/** `powers[k]` = exp(-k / powersPerUnit) */
const powersPerUnit = 64
const powers = Float64Array.from({ length: negligible * powersPerUnit + 1 }, (_, k) => Math.exp(-k / powersPerUnit))

/** exp(-below), within 2e-10 of its value. @param below from 0 to less than `negligible` */
export function expOfMinus(below: number): number {
  const nearest = (below * powersPerUnit + 0.5) | 0
  // exp(rest) by its series: the rest is 1/128 at most.
  const rest = nearest / powersPerUnit - below
  return (powers[nearest] as number) * (1 + rest * (1 + rest * (0.5 + rest / 6)))
}
