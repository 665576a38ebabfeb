/**
 * What a step costs late in a long thinking: the full cache at 5,000 and 16,000 positions beside DynTS under B = 3000. A
 * bounded measurement is one whole cycle: it begins with an eviction, compaction included, and ends before the next.
 */
import type { Bench } from '../bench.ts'
import { planEviction } from '../../src/cache/budget.ts'
import type { CompactionChoice } from '../../src/cache/compaction.ts'
import { DecodeLoop } from '../../src/engine/decode-loop.ts'
import type { LoadedModel } from '../../src/engine/loaded-model.ts'
import type { LlamaContext } from '../../src/llama/index.ts'
import { compare, type Variant } from '../compare.ts'
import { FastForward } from '../fast-forward.ts'
import { quotient } from '../measurements.ts'
import type { Scenario } from '../scenario.ts'
import { randomPrompt } from '../words.ts'

const promptTokens = 100
/** The paper's settings for R1-Distill-Qwen at the smaller budget (appendix C). */
const cache = { budget: 3000, localWindow: 1500, ratio: 0.4 }
const positions = [5000, 16_000]
const fullSteps = 64
/** Computed before the measurement begins. */
const warmUpSteps = 8

export const long: Scenario = {
  name: 'long',
  summary: 'a step at 5,000 and 16,000 positions under B = 3000 beside the full cache; compaction on and off',
  parts: [{ model: 'shape', run }],
}

async function run(bench: Bench): Promise<void> {
  const plan = planEviction(cache, promptTokens)
  const cycle = bench.options.steps ?? plan.leaving
  const last = Math.max(...positions)
  using model = await bench.loadModel({ predictor: true })
  using full = model.createContext({ cellsPerSequence: last + warmUpSteps + fullSteps + 256 })
  using bounded = model.createContext({ cellsPerSequence: cache.budget })
  const { measurements } = bench
  Object.assign(measurements.settings, { promptTokens, ...cache, cycle: plan.leaving, steps: cycle, fullSteps })
  if (cycle !== plan.leaving) measurements.notes.push(`not a whole cycle: ${cycle} of ${plan.leaving} steps`)

  const fullAt = (position: number): Variant => ({
    name: `full at ${position}`,
    unit: 'ms/step',
    // The measured steps lie around the position.
    measure: () => measure(bench, full, model, 'full', position - fullSteps / 2, fullSteps, 'auto'),
  })
  const boundedAt = (position: number, compaction: CompactionChoice): Variant => ({
    name: `dynts at ${position}${compaction === 'off' ? ' without compaction' : ''}`,
    unit: 'ms/step',
    measure: () => {
      // Evictions are due at the positions B - 1 + i * K; the measured cycle is the one in which `position` lies.
      const cycles = Math.floor((position - (cache.budget - 1)) / plan.leaving)
      const eviction = cache.budget - 1 + cycles * plan.leaving
      return measure(bench, bounded, model, 'dynts', eviction, cycle, compaction)
    },
  })
  const ratio = (name: string, numerator: string, denominator: string) => ({
    name,
    of: quotient(numerator, denominator),
  })
  await compare(
    bench,
    [
      ...positions.flatMap((position) => [fullAt(position), boundedAt(position, 'on')]),
      boundedAt(positions[0] ?? 0, 'off'),
    ],
    [
      ...positions.map((at) => ratio(`speed of dynts / full at ${at}`, `full at ${at}`, `dynts at ${at}`)),
      ratio('speed with / without compaction', 'dynts at 5000 without compaction', 'dynts at 5000'),
    ],
  )
}

/** Milliseconds per step of `steps` steps from `position` on. */
async function measure(
  bench: Bench,
  context: LlamaContext,
  model: LoadedModel,
  policy: 'full' | 'dynts',
  position: number,
  steps: number,
  compaction: CompactionChoice,
): Promise<number> {
  const forward = new FastForward(context, model.loopModel(context), position - warmUpSteps)
  const loop = new DecodeLoop(forward, forward.model, { compaction, bytesPerCell: 1 })
  try {
    loop.submit(1, {
      prompt: { tokens: randomPrompt(forward.model.vocab, promptTokens) },
      policy,
      maxTokens: position + steps + 8 - promptTokens,
      sampling: { temperature: 0 },
      ...(policy === 'full' ? {} : cache),
    })
    while (forward.skips) await bench.timeSteps(loop, 1, 0, 0)
    await bench.timeSteps(loop, warmUpSteps - 1, 0, 0)
    return (await bench.timeSteps(loop, steps)) / steps
  } finally {
    loop.dispose()
  }
}
