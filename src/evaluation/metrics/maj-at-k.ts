/**
 * Maj@k: how often the answer that most of k samples give is right. The caller says what makes two equal.
 *
 * The authors' code takes the majority of the verdicts instead, which knows the right answer; here the answers vote.
 */
import { Dice } from '../dice.ts'
import type { SampleRecord } from '../run/eval-record.ts'
import { estimate, perItem, type Estimate } from './estimate.ts'
import { checkEnoughSamples } from './pass-at-k.ts'

/** Without an answer a sample has no vote. */
export type AnsweredSample = Pick<SampleRecord, 'item' | 'sample' | 'answer' | 'right'>

export interface MajorityOptions {
  /** Of the bootstrap, and of the subsets. Default 1. */
  readonly seed?: number | undefined
  /** Two answers vote together if this gives them the same class. Default: `normalisedText`. */
  readonly classOf?: ((answer: string, item: string) => string) | undefined
}

/** Up to so many subsets of k samples are all counted; of more, so many are drawn with the seed. */
const mostSubsets = 2000

/**
 * For each item the mean over all subsets of k of its n samples (one if k = n), then the mean over items. A subset counts as
 * its winning answer's verdict; samples without an answer do not vote, and a subset without any vote is wrong. Answers that tie
 * share: the mean of their verdicts, which is what a fair draw gives on average. If one class holds right and wrong samples, its
 * verdict is its share of right ones.
 * @throws InputError `too_few_samples`, `no_samples`
 */
export function majAtK(samples: readonly AnsweredSample[], k: number, options: MajorityOptions = {}): Estimate {
  const { classOf = normalisedText, seed = 1 } = options
  const values = perItem(samples, (ofItem) => {
    checkEnoughSamples('Maj', ofItem, k)
    const votes = [...ofItem]
      .sort((a, b) => a.sample - b.sample)
      .map(({ item, answer, right }) => ({ right, of: answer === null ? null : classOf(answer, item) }))
    return majorityOfSubsets(votes, k, seed)
  })
  return estimate(values, seed)
}

/** White space and dollar signs around, white space within, and case do not matter. */
export function normalisedText(answer: string): string {
  return answer
    .replace(/^[\s$]+|[\s$.]+$/g, '')
    .replaceAll(/\s+/g, ' ')
    .toLowerCase()
}

/**
 * Classes by a verdict such as the grader's: each answer goes to the first class whose first answer is equal to it.
 * @returns class of each answer, for `classOf`
 */
export async function classesBy(
  answers: readonly string[],
  areEqual: (a: string, b: string) => Promise<boolean>,
): Promise<ReadonlyMap<string, string>> {
  const classes = new Map<string, string>()
  const firsts: string[] = []
  for (const answer of new Set(answers)) {
    let found: string | undefined
    for (const first of firsts) {
      if (!(await areEqual(answer, first))) continue
      found = first
      break
    }
    if (found === undefined) firsts.push(answer)
    classes.set(answer, found ?? answer)
  }
  return classes
}

interface Vote {
  readonly of: string | null
  readonly right: boolean
}

function majorityOfSubsets(votes: readonly Vote[], k: number, seed: number): number {
  let sum = 0
  let count = 0
  for (const subset of subsets(votes, k, seed)) {
    sum += verdictOf(subset)
    count++
  }
  return sum / count
}

function verdictOf(votes: readonly Vote[]): number {
  const classes = new Map<string, { votes: number; right: number }>()
  for (const { of, right } of votes) {
    if (of === null) continue
    const found = classes.get(of) ?? { votes: 0, right: 0 }
    classes.set(of, { votes: found.votes + 1, right: found.right + Number(right) })
  }
  const most = Math.max(0, ...[...classes.values()].map((found) => found.votes))
  const winners = [...classes.values()].filter((found) => found.votes === most)
  return winners.reduce((sum, winner) => sum + winner.right / winner.votes, 0) / Math.max(1, winners.length)
}

function subsets<T>(values: readonly T[], k: number, seed: number): Iterable<readonly T[]> {
  return subsetCount(values.length, k) <= mostSubsets ? allSubsets(values, k) : drawnSubsets(values, k, seed)
}

/** C(n, k), or something above the limit. */
function subsetCount(n: number, k: number): number {
  let count = 1
  for (let i = 1; i <= Math.min(k, n - k) && count <= mostSubsets; i++) count = (count * (n - i + 1)) / i
  return count
}

function* allSubsets<T>(values: readonly T[], k: number): Generator<readonly T[]> {
  const [first, ...rest] = values
  if (k === 0) yield []
  else if (first !== undefined && values.length >= k) {
    for (const subset of allSubsets(rest, k - 1)) yield [first, ...subset]
    yield* allSubsets(rest, k)
  }
}

function* drawnSubsets<T>(values: readonly T[], k: number, seed: number): Generator<readonly T[]> {
  const dice = new Dice(seed)
  for (let i = 0; i < mostSubsets; i++) yield dice.pickSeveral(values, k)
}
