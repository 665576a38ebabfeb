/**
 * What log-probabilities take of a replay: one for each token, over the whole vocabulary, which is 152k tokens of the random model.
 */
import type { Bench } from '../bench.ts'
import { DecodeLoop } from '../../src/engine/decode-loop.ts'
import { compare, type Variant } from '../compare.ts'
import { quotient } from '../measurements.ts'
import type { Scenario } from '../scenario.ts'
import { randomPrompt } from '../words.ts'

/** Tokens of a step: a replay reads as many in one pass as give outputs. */
const rows = 16
const warmUpSteps = 2
const sequenceCounts = [1, 8]
const largestShare = 0.05

export const replay: Scenario = {
  name: 'replay',
  summary: 'log-probabilities as a share of the steps of a replay, 16 tokens each (target: 5 % at most)',
  repetitions: 3,
  parts: [
    { model: 'shape', run: (bench) => run(bench, 64) },
    { model: 'tiny', run: (bench) => run(bench, 512) },
  ],
}

async function run(bench: Bench, usualSteps: number): Promise<void> {
  const steps = Math.ceil(bench.steps(usualSteps) / rows)
  const { promptTokens } = bench.sizes
  using model = await bench.loadModel()
  // Those that came first are ahead of the last.
  const cellsPerSequence = promptTokens + rows * (warmUpSteps + steps + Math.max(...sequenceCounts) + 2)
  Object.assign(bench.measurements.settings, { promptTokens, steps, policy: 'full' })
  const named = (sequences: number) => (sequences === 1 ? '1 sequence' : `${sequences} sequences`)
  const logprobs = (sequences: number) => `${named(sequences)}: log-probabilities`
  const variants = sequenceCounts.map((sequences): Variant => ({
    name: named(sequences),
    unit: 'ms/step',
    cost: sequences,
    measure: async () => {
      using context = model.createContext({ cellsPerSequence, sequences, outputRows: rows })
      const logprobOf = context.logprob.bind(context)
      let spentMs = 0
      context.logprob = (row, token) => {
        const begun = performance.now()
        const logprob = logprobOf(row, token)
        spentMs += performance.now() - begun
        return logprob
      }
      const loop = new DecodeLoop(context, model.loopModel(context), { compaction: 'auto', cellBytes: { full: 1 } })
      // Longer than what is measured, so that none ends.
      const tokens = randomPrompt(model.loopModel(context).vocab, cellsPerSequence - 8)
      const [prompt, continuation] = [tokens.slice(0, promptTokens), tokens.slice(promptTokens)]
      for (let id = 1; id <= sequences; id++)
        loop.submit(id, { prompt: { tokens: prompt }, replay: continuation, policy: 'full' })
      await bench.timeSteps(loop, sequences + warmUpSteps, 0, 0)
      spentMs = 0
      const ms = await bench.timeSteps(loop, steps)
      loop.dispose()
      return { [named(sequences)]: ms / steps, [logprobs(sequences)]: spentMs / steps }
    },
  }))
  const ratios = sequenceCounts.map((sequences) => ({
    name: `share of log-probabilities, ${named(sequences)}`,
    of: quotient(logprobs(sequences), named(sequences)),
    target: { atMost: largestShare },
  }))
  await compare(bench, variants, ratios)
}
