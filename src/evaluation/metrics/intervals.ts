/** How sure a mean or a ratio of means is. */
import { mulberry32 } from '../../mulberry32.ts'

export interface Interval {
  readonly low: number
  readonly high: number
}

const resamples = 10_000

/**
 * The bootstrap's 95 % interval (percentile method) of a mean: of paired differences, one for each item.
 * @param values shape [items]; the interval of an empty list is 0 to 0
 */
export function bootstrapInterval(values: readonly number[], seed: number): Interval {
  return bootstrapRatioInterval(
    values,
    values.map(() => 1),
    seed,
  )
}

/**
 * The same of a ratio of two means over the same items, which are drawn together.
 * @param above shape [items]
 * @param below shape [items], positive
 */
export function bootstrapRatioInterval(above: readonly number[], below: readonly number[], seed: number): Interval {
  const { length } = above
  if (length === 0) return { low: 0, high: 0 }
  const draw = mulberry32(seed)
  const ratios = Float64Array.from({ length: resamples }, () => {
    let sumAbove = 0
    let sumBelow = 0
    for (let i = 0; i < length; i++) {
      const drawn = Math.floor(draw() * length)
      sumAbove += above[drawn] ?? 0
      sumBelow += below[drawn] ?? 0
    }
    return sumAbove / sumBelow
  }).sort()
  const at = (share: number) => ratios[Math.round(share * (resamples - 1))] ?? 0
  return { low: at(0.025), high: at(0.975) }
}
