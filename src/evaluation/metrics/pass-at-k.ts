/** Pass@1 and Pass@k from verdicts. */
import { isWhole } from '../../check-whole.ts'
import { InputError } from '../../errors.ts'
import type { SampleRecord } from '../run/eval-record.ts'
import { estimate, itemMeans, perItem, type Estimate } from './estimate.ts'

export type GradedSample = Pick<SampleRecord, 'item' | 'right'>

/**
 * The share of right samples: mean over an item's n samples, then over items (the paper's Pass@1, avg@5 in its code).
 * @throws InputError `no_samples`
 */
export function passAt1(samples: readonly GradedSample[], seed = 1): Estimate {
  return estimate(passAt1OfItems(samples), seed)
}

/** The same for each item: what paired differences are taken of. */
export function passAt1OfItems(samples: readonly GradedSample[]): ReadonlyMap<string, number> {
  return itemMeans(samples, ({ right }) => Number(right))
}

/**
 * The chance that at least one of k samples is right, drawn without putting back from n of which c are right:
 * 1 - C(n - c, k) / C(n, k), the unbiased estimator (Chen et al. 2021, arXiv 2107.03374).
 * @throws RangeError unless 0 <= c <= n and 1 <= k <= n, all whole
 */
export function passAtK(n: number, c: number, k: number): number {
  const ok = isWhole(n, 1) && isWhole(c, 0, n) && isWhole(k, 1, n)
  if (!ok) throw new RangeError(`Pass@k of n ${n}, c ${c}, k ${k}`)
  let allWrong = 1
  for (let i = 0; i < k; i++) allWrong *= Math.max(0, n - c - i) / (n - i)
  return 1 - allWrong
}

/**
 * Pass@k: the unbiased estimator of each item, then the mean over items. Items may have different numbers of samples.
 * @throws InputError `too_few_samples` if an item has fewer than k; `no_samples`
 */
export function meanPassAtK(samples: readonly GradedSample[], k: number, seed = 1): Estimate {
  const values = perItem(samples, (ofItem) => {
    checkEnoughSamples('Pass', ofItem, k)
    return passAtK(ofItem.length, ofItem.filter(({ right }) => right).length, k)
  })
  return estimate(values, seed)
}

/** @throws InputError `too_few_samples` */
export function checkEnoughSamples(name: string, ofItem: readonly { readonly item: string }[], k: number): void {
  if (isWhole(k, 1, ofItem.length)) return
  throw new InputError(
    'too_few_samples',
    `${name}@${k} needs a k from 1 to the number of samples; item ${ofItem[0]?.item ?? ''} has ${ofItem.length}.`,
  )
}
