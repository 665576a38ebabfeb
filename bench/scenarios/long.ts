/**
 * What a step costs late in a long thinking: the full cache at 5,000 and 16,000 positions beside DynTS under B = 3000. A
 * bounded measurement is one whole cycle: it begins with an eviction, compaction included, and ends before the next.
 */
import type { CompactionChoice } from '../../src/cache/compaction.ts'
import type { Bench } from '../bench.ts'
import { compare, type Variant } from '../compare.ts'
import { lateDynts, lateFull, timeLate, warmUpSteps } from '../late-loop.ts'
import { quotient } from '../measurements.ts'
import type { Scenario } from '../scenario.ts'

export const long: Scenario = {
  name: 'long',
  summary: 'a step at 5,000 and 16,000 positions under B = 3000 beside the full cache; compaction on and off',
  parts: [{ model: 'shape', run }],
}

async function run(bench: Bench): Promise<void> {
  const { promptTokens, cache, plan } = bench.sizes
  const positions = [5000, 16_000].map(bench.sizes.of)
  const [early = 0] = positions
  const fullSteps = bench.sizes.of(64)
  const cycle = bench.options.steps ?? plan.leaving
  using model = await bench.loadModel({ predictor: true })
  using full = model.createContext({ cellsPerSequence: Math.max(...positions) + warmUpSteps + fullSteps + 256 })
  using bounded = model.createContext({ cellsPerSequence: cache.budget })
  const { measurements } = bench
  Object.assign(measurements.settings, { promptTokens, ...cache, cycle: plan.leaving, steps: cycle, fullSteps })
  if (cycle !== plan.leaving) measurements.notes.push(`not a whole cycle: ${cycle} of ${plan.leaving} steps`)

  const fullAt = (position: number): Variant => ({
    name: `full at ${position}`,
    unit: 'ms/step',
    // The measured steps lie around the position.
    measure: () => timeLate(bench, full, model, lateFull(1, Math.round(position - fullSteps / 2), fullSteps)),
  })
  const boundedAt = (position: number, compaction: CompactionChoice): Variant => ({
    name: `dynts at ${position}${compaction === 'off' ? ' without compaction' : ''}`,
    unit: 'ms/step',
    measure: () => timeLate(bench, bounded, model, { ...lateDynts(bench.sizes, position, cycle), compaction }),
  })
  const ratio = (name: string, numerator: string, denominator: string) => ({
    name,
    of: quotient(numerator, denominator),
  })
  await compare(
    bench,
    [...positions.flatMap((position) => [fullAt(position), boundedAt(position, 'on')]), boundedAt(early, 'off')],
    [
      ...positions.map((at) => ratio(`speed of dynts / full at ${at}`, `full at ${at}`, `dynts at ${at}`)),
      ratio('speed with / without compaction', `dynts at ${early} without compaction`, `dynts at ${early}`),
    ],
  )
}
