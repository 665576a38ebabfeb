/**
 * Replay loss: how surprised the model is by the answer of a given trace when the policy has evicted along the way. The same
 * tokens are replayed under every policy, so that no sampling noise is in it.
 */
import { InputError } from '../../errors.ts'
import { estimate, itemMeans, mean, pairedDifference, type Estimate } from './estimate.ts'

export interface ReplayedSample {
  readonly item: string
  readonly sample: number
  /** Mean negative log-likelihood of the answer's tokens, in nats (`answerLoss`). */
  readonly loss: number
}

/**
 * Mean negative log-likelihood of the answer's tokens.
 * @param logprobs of the continuation's tokens, natural logarithm
 * @param answerFrom index in `logprobs` of the first token after the thinking
 * @throws InputError `no_answer` if no token is left
 */
export function answerLoss(logprobs: readonly number[], answerFrom: number): number {
  const answer = logprobs.slice(answerFrom)
  if (answerFrom < 0 || answer.length === 0) {
    throw new InputError('no_answer', 'This trace has no answer whose loss could be measured.')
  }
  return -mean(answer)
}

/**
 * Mean over an item's traces, then over items.
 * @throws InputError `no_samples`
 */
export function replayLoss(samples: readonly ReplayedSample[], seed = 1): Estimate {
  return estimate(lossOfItems(samples), seed)
}

/**
 * Paired difference `a - b` over the traces that both have replayed: below 0, a is the better one.
 * @returns null if there are none
 */
export function replayLossDifference(
  a: readonly ReplayedSample[],
  b: readonly ReplayedSample[],
  seed = 1,
): Estimate | null {
  return pairedDifference(lossOfItems(common(a, b)), lossOfItems(common(b, a)), seed)
}

function common(samples: readonly ReplayedSample[], others: readonly ReplayedSample[]): readonly ReplayedSample[] {
  const keyOf = ({ item, sample }: ReplayedSample) => JSON.stringify([item, sample])
  const there = new Set(others.map(keyOf))
  return samples.filter((sample) => there.has(keyOf(sample)))
}

function lossOfItems(samples: readonly ReplayedSample[]): ReadonlyMap<string, number> {
  return itemMeans(samples, ({ loss }) => loss)
}
