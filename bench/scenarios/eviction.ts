/**
 * What one eviction takes, by policy and number of cells: the decode loop runs up to the step in which it is due, with
 * random keys, hidden states and attention weights, and evicts in earnest.
 */
import { planEviction, type CacheSettings } from '../../src/cache/budget.ts'
import type { LoadedModel } from '../../src/engine/loaded-model.ts'
import { findPolicy, policyNames } from '../../src/eviction/registry.ts'
import type { LlamaContext } from '../../src/llama/index.ts'
import type { Bench } from '../bench.ts'
import { cancelOnly } from '../cancel-only.ts'
import { compare, type Variant } from '../compare.ts'
import { fillCache } from '../filled-cache.ts'
import { lateFull, startLate, timeLate } from '../late-loop.ts'
import { parts } from '../part-times.ts'
import type { Scenario } from '../scenario.ts'

/** The goals for the shape of 1.5B parameters: the longest pause at 3,000 cells, and the share of an eviction in the steps from one to the next. */
const judgedShape = '1.5b'
const longestPause = { cells: 3000, ms: 150 }
const largestShare = 0.01
/** Means of the random keys: cosines of about 0.8, and none that is large. */
const alike = 2
const unlike = 0

export const eviction: Scenario = {
  name: 'eviction',
  summary: 'one eviction by policy and number of cells (target: 1 % of the steps between two, 150 ms at 3,000 cells)',
  repetitions: 3,
  parts: [1000, 3000, 5000].map((cells) => ({
    title: (sizes) => `${sizes.of(cells)} cells`,
    model: 'shape',
    run: (bench) => run(bench, bench.sizes.of(cells), cells === longestPause.cells),
  })),
}

async function run(bench: Bench, budget: number, limitsPause: boolean): Promise<void> {
  const { measurements, sizes } = bench
  const { promptTokens } = sizes
  const cache: CacheSettings = { budget, localWindow: Math.floor(budget / 2), ratio: 0.4 }
  const { leaving } = planEviction(cache, promptTokens)
  const steps = bench.steps(12)
  const isJudged = bench.options.shape === judgedShape
  using model = await bench.loadModel({ predictor: true })
  using context = model.createContext({ cellsPerSequence: budget })
  Object.assign(measurements.settings, { promptTokens, ...cache, leaving, steps })
  allocate(context, budget)

  const stepName = 'a step of the full cache at the mean number of cells'
  const step: Variant = {
    name: stepName,
    unit: 'ms',
    measure: () => {
      const position = Math.round(budget - leaving / 2 - steps / 2)
      return timeLate(bench, context, model, lateFull(1, position, steps))
    },
  }
  const policies = policyNames()
    .map(findPolicy)
    .filter(({ evicts }) => evicts)
  const evictions = policies.flatMap(({ name, needs }): Variant[] => {
    const one = (title: string, mean: number): Variant => ({
      name: title,
      unit: 'ms',
      ...(isJudged && limitsPause ? { target: { atMost: longestPause.ms } } : {}),
      measure: () => evictOnce(bench, context, model, { policy: name, title, mean, cache, leaving }),
    })
    return needs.has('keys') ? [one(name, alike), one(`${name}, no keys alike`, unlike)] : [one(name, alike)]
  })
  const ratios = evictions.map(({ name }) => ({
    name: `${name}, share of ${leaving} steps`,
    of: (round: Readonly<Record<string, number>>) => {
      const ms = (round[name] ?? NaN) + (round[`${name}: ${betweenEvictions}`] ?? 0)
      return ms / (leaving * (round[stepName] ?? NaN))
    },
    ...(isJudged ? { target: { atMost: largestShare } } : {}),
  }))
  await compare(bench, [step, ...evictions], ratios)
}

const betweenEvictions = 'predictor, between evictions'

/** Milliseconds of the eviction and of its parts. */
async function evictOnce(
  bench: Bench,
  context: LlamaContext,
  model: LoadedModel,
  { policy, title, mean, cache, leaving }: Eviction,
): Promise<Record<string, number>> {
  const { promptTokens } = bench.sizes
  const position = cache.budget - 1
  using late = await startLate(bench, context, model, {
    request: { policy, ...cache },
    promptTokens,
    position,
    steps: 1,
    // As in later cycles: what is scored are the hidden states since the eviction before.
    scoredFrom: cache.budget - leaving,
    mean,
  })
  await bench.timeSteps(late.loop, 1)
  const { timing, cache: held } = cancelOnly(late.loop, 1)
  if (held.evictions !== 1) throw new Error(`${policy}: ${held.evictions} evictions instead of one`)
  const { spent } = late.forward.times
  const values: Record<string, number> = { [title]: timing.evictionMs }
  let told = 0
  for (const part of parts) {
    const ms = spent.get(part)
    if (ms === undefined) continue
    values[`${title}: ${part}`] = ms
    told += ms
  }
  values[`${title}: scores and choice`] = timing.evictionMs - told
  const between = timing.scoringMs - (spent.get('predictor') ?? 0)
  if (timing.scoringMs > 0) values[`${title}: ${betweenEvictions}`] = Math.max(0, between)
  return values
}

interface Eviction {
  readonly policy: string
  /** Name of the measurement. */
  readonly title: string
  /** Of the random keys. */
  readonly mean: number
  readonly cache: CacheSettings
  /** K */
  readonly leaving: number
}

/** What is allocated once, when keys are first read and a cache is first compacted. */
function allocate(context: LlamaContext, cells: number): void {
  fillCache(
    context,
    0,
    Int32Array.from({ length: cells }, (_, position) => position),
  )
  context.cached(0)
  context.compact(0)
}
