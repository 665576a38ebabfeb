/**
 * What DynTS costs while it saves nothing yet: decode speed of policy `dynts` (hidden states, importance predictor) beside
 * policy `full`, in the same engine, before the first eviction and from an almost empty cache, where a step is cheapest and
 * the predictor's share of it largest.
 */
import type { Bench } from '../bench.ts'
import { DecodeLoop } from '../../src/engine/decode-loop.ts'
import type { GenerateResult } from '../../src/engine/types.ts'
import { compare, type Variant } from '../compare.ts'
import { quotient } from '../measurements.ts'
import type { Scenario } from '../scenario.ts'
import { forceWords, randomPrompt } from '../words.ts'

const promptTokens = 100
const warmUpSteps = 16
const scoring = 'of which importance predictor'
/** The predictor scores blocks of 128 tokens: a multiple of it holds the predictor's true share. */
const block = 128

export const beforeEviction: Scenario = {
  name: 'before-eviction',
  summary: 'decode speed of dynts before its first eviction, beside the full cache (target: 0.98 or more)',
  parts: [
    { model: 'shape', run: (bench) => run(bench, 2 * block) },
    { model: 'tiny', run: (bench) => run(bench, 8 * block) },
  ],
}

async function run(bench: Bench, usualSteps: number): Promise<void> {
  const steps = Math.ceil((bench.options.steps ?? usualSteps) / block) * block
  using model = await bench.loadModel({ predictor: true })
  const budget = promptTokens + warmUpSteps + steps + 64
  using context = model.createContext({ cells: budget })
  const loopModel = forceWords(model.loopModel(context))
  const tokens = randomPrompt(loopModel.vocab, promptTokens)
  Object.assign(bench.measurements.settings, { promptTokens, steps, budget, sampling: 'greedy' })

  const variant = (policy: string): Variant => ({
    name: policy,
    unit: 'ms/step',
    measure: async () => {
      const loop = new DecodeLoop(context, loopModel, { compaction: 'auto', bytesPerCell: 1 })
      const maxTokens = warmUpSteps + steps + 8
      const cache = policy === 'full' ? {} : { budget, localWindow: 32, ratio: 0.5 }
      loop.submit(1, { prompt: { tokens }, policy, maxTokens, sampling: { temperature: 0 }, ...cache })
      await bench.timeSteps(loop, 1 + warmUpSteps)
      const ms = await bench.timeSteps(loop, steps)
      const { scoringMs } = resultOf(loop).timing
      return policy === 'full' ? ms / steps : { [policy]: ms / steps, [scoring]: scoringMs / (warmUpSteps + steps) }
    },
  })
  const speed = { name: 'speed of dynts / full', of: quotient('full', 'dynts'), target: { atLeast: 0.98 } }
  await compare(bench, [variant('full'), variant('dynts')], [speed])
}

/** Ends the loop's only generation. */
function resultOf(loop: DecodeLoop): GenerateResult {
  loop.cancel(1)
  for (const item of loop.step()) if ('event' in item && item.event.type === 'finish') return item.event.result
  throw new Error('the generation did not end')
}
