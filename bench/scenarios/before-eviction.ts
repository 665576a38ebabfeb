/**
 * What DynTS costs while it saves nothing yet: decode speed of policy `dynts`, which asks for hidden states and keeps them,
 * beside policy `full`, on one loaded model, before the first eviction and from an almost empty cache, where a step is
 * cheapest. The predictor runs at the eviction or whenever 4 MiB of hidden states are kept; what fell into the measured steps
 * is shown, and a whole cycle with all of it is in the scenario `long`.
 */
import type { Bench } from '../bench.ts'
import { DecodeLoop } from '../../src/engine/decode-loop.ts'
import type { GenerateRequest } from '../../src/engine/types.ts'
import type { LlamaContext } from '../../src/llama/index.ts'
import { compare } from '../compare.ts'
import { cancelOnly } from '../cancel-only.ts'
import { quotient } from '../measurements.ts'
import type { Scenario } from '../scenario.ts'
import { forceWords, randomPrompt } from '../words.ts'

const warmUpSteps = 16
const scoring = 'of which importance predictor'
/** Steps of one policy before it is the other's turn. */
const turn = 16

export const beforeEviction: Scenario = {
  name: 'before-eviction',
  summary: 'decode speed of dynts before its first eviction, beside the full cache (target: 0.98 or more)',
  parts: [
    { model: 'shape', run: (bench) => run(bench, 256) },
    { model: 'tiny', run: (bench) => run(bench, 1024) },
  ],
}

async function run(bench: Bench, usualSteps: number): Promise<void> {
  const steps = Math.ceil(bench.steps(usualSteps) / turn) * turn
  const { promptTokens } = bench.sizes
  using model = await bench.loadModel({ predictor: true })
  const budget = promptTokens + warmUpSteps + steps + 64
  // Alike in everything, so that the two policies can take turns every few steps.
  using fullContext = model.createContext({ cellsPerSequence: budget })
  using dyntsContext = model.createContext({ cellsPerSequence: budget })
  Object.assign(bench.measurements.settings, { promptTokens, steps, turn, budget, sampling: 'greedy' })

  const start = (context: LlamaContext, request: Partial<GenerateRequest>): DecodeLoop => {
    const loopModel = forceWords(model.loopModel(context))
    const loop = new DecodeLoop(context, loopModel, { compaction: 'auto', cellBytes: { full: 1 } })
    const tokens = randomPrompt(loopModel.vocab, promptTokens)
    const maxTokens = warmUpSteps + steps + 8
    loop.submit(1, { prompt: { tokens }, maxTokens, sampling: { temperature: 0 }, ...request })
    return loop
  }
  const measure = async () => {
    const full = start(fullContext, { policy: 'full' })
    const dynts = start(dyntsContext, { policy: 'dynts', budget, localWindow: 32, ratio: 0.5 })
    for (const loop of [full, dynts]) await bench.timeSteps(loop, 1 + warmUpSteps, 0, 0)
    let fullMs = 0
    let dyntsMs = 0
    for (let done = 0; done < steps; done += turn) {
      const [from, to] = [done / steps, (done + turn) / steps]
      fullMs += await bench.timeSteps(full, turn, from, (from + to) / 2)
      dyntsMs += await bench.timeSteps(dynts, turn, (from + to) / 2, to)
    }
    const { scoringMs } = cancelOnly(dynts, 1).timing
    full.dispose()
    dynts.dispose()
    return { full: fullMs / steps, dynts: dyntsMs / steps, [scoring]: scoringMs / (warmUpSteps + steps) }
  }
  const speed = { name: 'speed of dynts / full', of: quotient('full', 'dynts'), target: { atLeast: 0.98 } }
  await compare(bench, [{ name: 'by turns', unit: 'ms/step', measure }], [speed])
}
