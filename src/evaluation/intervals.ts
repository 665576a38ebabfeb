/** How sure a share or a difference of shares is. */
import { mulberry32 } from '../mulberry32.ts'

export interface Interval {
  readonly low: number
  readonly high: number
}

/** The 97.5 % point of the normal distribution. */
const z = 1.959_963_984_540_054

/**
 * Wilson's 95 % interval of a share.
 * @param count how many of `total`; with a total of 0 the interval is 0 to 1
 */
export function wilsonInterval(count: number, total: number): Interval {
  if (total === 0) return { low: 0, high: 1 }
  const share = count / total
  const scale = 1 + z ** 2 / total
  const centre = (share + z ** 2 / (2 * total)) / scale
  const half = (z / scale) * Math.sqrt((share * (1 - share)) / total + z ** 2 / (4 * total ** 2))
  return { low: Math.max(0, centre - half), high: Math.min(1, centre + half) }
}

/**
 * The bootstrap's 95 % interval (percentile method) of a mean: of paired differences, one for each item.
 * @param values shape [items]; the interval of an empty list is 0 to 0
 */
export function bootstrapInterval(values: readonly number[], seed: number, resamples = 10_000): Interval {
  return bootstrapRatioInterval(
    values,
    values.map(() => 1),
    seed,
    resamples,
  )
}

/**
 * The same of a ratio of two means over the same items, which are drawn together.
 * @param above shape [items]
 * @param below shape [items], positive
 */
export function bootstrapRatioInterval(
  above: readonly number[],
  below: readonly number[],
  seed: number,
  resamples = 10_000,
): Interval {
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
