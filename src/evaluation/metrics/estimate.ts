/**
 * Means over items with their 95 % intervals, and paired differences.
 *
 * The item is the unit everywhere: an item's value is the mean over its samples, and the bootstrap draws items. Samples of one
 * item are not independent, so that drawing samples would make intervals too narrow.
 */
import { InputError } from '../../errors.ts'
import { groupBy } from '../../group-by.ts'
import { bootstrapInterval, bootstrapRatioInterval, type Interval } from './intervals.ts'

/** Anything that was measured of one sample of one item. */
export interface OfItem {
  readonly item: string
}

export interface Estimate {
  readonly mean: number
  /** 95 %, bootstrap over items. It is one point if all items have the same value: then it says nothing. null: too few items. */
  readonly interval: Interval | null
  readonly items: number
}

/** With fewer items an interval promises more than it holds: of one it would be a point. */
const fewestItems = 5

/** Each item's mean over its samples, in the order of first appearance. */
export function itemMeans<T extends OfItem>(
  samples: readonly T[],
  value: (sample: T) => number,
): ReadonlyMap<string, number> {
  return perItem(samples, (ofItem) => mean(ofItem.map(value)))
}

/** One number for each item from all its samples, in the order of first appearance. */
export function perItem<T extends OfItem>(
  samples: readonly T[],
  value: (ofItem: readonly T[]) => number,
): ReadonlyMap<string, number> {
  const groups = groupBy(samples, ({ item }) => item)
  return new Map([...groups].map(([item, ofItem]) => [item, value(ofItem)]))
}

/**
 * Mean over items.
 * @param seed of the bootstrap
 * @throws InputError `no_samples`
 */
export function estimate(values: ReadonlyMap<string, number>, seed = 1): Estimate {
  if (values.size === 0)
    throw new InputError('no_samples', 'There is nothing to take the mean of: no item was measured.')
  // In the items' own order, so that the interval does not depend on the order in which they were measured.
  const sorted = [...values].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value)
  const interval = sorted.length < fewestItems ? null : bootstrapInterval(sorted, seed)
  return { mean: mean(sorted), interval, items: values.size }
}

/**
 * The mean of `a` by the mean of `b`, over the items that both have.
 * @returns null if there is none, or the mean of `b` is 0
 */
export function pairedRatio(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>, seed = 1): Estimate | null {
  const common = [...a.keys()].filter((item) => b.has(item)).sort()
  const above = common.map((item) => a.get(item) ?? 0)
  const below = common.map((item) => b.get(item) ?? 0)
  if (sum(below) === 0) return null
  // A draw of nothing but zeros has no ratio.
  const isSafe = common.length >= fewestItems && below.every((value) => value > 0)
  const interval = isSafe ? bootstrapRatioInterval(above, below, seed) : null
  return { mean: sum(above) / sum(below), interval, items: common.length }
}

/**
 * Mean of `a - b` over the items that both have; the interval is of the paired differences.
 * @returns null if they have no item in common
 */
export function pairedDifference(
  a: ReadonlyMap<string, number>,
  b: ReadonlyMap<string, number>,
  seed = 1,
): Estimate | null {
  const differences = new Map<string, number>()
  for (const [item, value] of a) {
    const other = b.get(item)
    if (other !== undefined) differences.set(item, value - other)
  }
  return differences.size === 0 ? null : estimate(differences, seed)
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

export function mean(values: readonly number[]): number {
  return sum(values) / values.length
}
