/** How many steps a training takes, how many traces each of them sees, and how large it is. */
import { mulberry32 } from '../mulberry32.ts'

export interface BatchPlan {
  /** The most traces of one step; those of an epoch differ by one at most. */
  readonly batch: number
  readonly stepsPerEpoch: number
  readonly steps: number
  /** Whether the batch is smaller than was asked for, to reach enough steps. */
  readonly shrunk: boolean
}

export interface BatchSettings {
  readonly epochs: number
  /** The most traces of one step. */
  readonly batch: number
  /** Steps that the whole training should have at least. */
  readonly leastSteps: number
}

/**
 * Spreads the traces of an epoch over steps. The paper's 7,100 traces in batches of 256 make 420 steps; with fewer traces
 * the batch shrinks, down to one trace, until there are `leastSteps`.
 */
export function planBatches(traces: number, { epochs, batch, leastSteps }: BatchSettings): BatchPlan {
  const wanted = Math.ceil(leastSteps / epochs)
  const stepsPerEpoch = Math.min(traces, Math.max(wanted, Math.ceil(traces / batch)))
  return {
    batch: Math.ceil(traces / stepsPerEpoch),
    stepsPerEpoch,
    steps: stepsPerEpoch * epochs,
    shrunk: stepsPerEpoch > Math.ceil(traces / batch),
  }
}

export interface RateSettings {
  /** The highest learning rate. */
  readonly learningRate: number
  /** Share of the steps in which the rate rises to it, linearly. */
  readonly warmup: number
}

/**
 * Linear warm-up, then a cosine down to 0 (the paper's schedule, with the 10 % of warm-up that the authors' code has).
 * @param step 0 .. steps - 1
 */
export function learningRateAt(step: number, steps: number, { learningRate, warmup }: RateSettings): number {
  const rising = Math.round(steps * warmup)
  if (step < rising) return (learningRate * (step + 1)) / rising
  const progress = (step - rising) / Math.max(1, steps - rising)
  return (learningRate * (1 + Math.cos(Math.PI * progress))) / 2
}

/** The items in a random order that the seed determines; the array that is given stays as it is. */
export function shuffled<T>(items: readonly T[], seed: number): T[] {
  const random = mulberry32(seed)
  const order = [...items]
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    const [a, b] = [order[i], order[j]]
    if (a !== undefined && b !== undefined) [order[i], order[j]] = [b, a]
  }
  return order
}

/** The part of an epoch's traces that one of its steps trains on. */
export function batchOf<T>(epoch: readonly T[], step: number, stepsPerEpoch: number): T[] {
  const from = Math.floor((step * epoch.length) / stepsPerEpoch)
  return epoch.slice(from, Math.floor(((step + 1) * epoch.length) / stepsPerEpoch))
}

/** A seed of its own for each purpose and number, so that a resumed training draws what an unbroken one would. */
export function derivedSeed(seed: number, ...numbers: readonly number[]): number {
  const next = (state: number) => mulberry32(state)() * 2 ** 32
  return numbers.reduce((state, number) => (next(state) ^ number) >>> 0, seed)
}
