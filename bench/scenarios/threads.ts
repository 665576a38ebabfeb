/**
 * Decode speed by the number of compute threads, policy `full`. llama.cpp's threads spin while they wait for each other: on
 * a machine that is busy with other things, two are many times slower than one.
 */
import type { Bench } from '../bench.ts'
import { DecodeLoop } from '../../src/engine/decode-loop.ts'
import { compare, type Variant } from '../compare.ts'
import { quotient } from '../measurements.ts'
import type { Scenario } from '../scenario.ts'
import { forceWords, randomPrompt } from '../words.ts'

const warmUpSteps = 8
const threadCounts = [1, 2]

export const threads: Scenario = {
  name: 'threads',
  summary: 'decode speed with 1 and 2 compute threads (whatever --threads says)',
  parts: [
    { model: 'shape', run: (bench) => run(bench, 64) },
    { model: 'tiny', run: (bench) => run(bench, 1024) },
  ],
}

async function run(bench: Bench, usualSteps: number): Promise<void> {
  const steps = bench.steps(usualSteps)
  const { promptTokens } = bench.sizes
  using model = await bench.loadModel()
  const cellsPerSequence = promptTokens + warmUpSteps + steps + 16
  Object.assign(bench.measurements.settings, { promptTokens, steps, policy: 'full', threads: threadCounts })
  const variant = (count: number): Variant => ({
    name: count === 1 ? '1 thread' : `${count} threads`,
    unit: 'ms/step',
    measure: async () => {
      using context = model.createContext({ cellsPerSequence, threads: count })
      const loopModel = forceWords(model.loopModel(context))
      const loop = new DecodeLoop(context, loopModel, { compaction: 'auto', cellBytes: { full: 1 } })
      const prompt = { tokens: randomPrompt(loopModel.vocab, promptTokens) }
      loop.submit(1, { prompt, policy: 'full', maxTokens: warmUpSteps + steps + 8, sampling: { temperature: 0 } })
      await bench.timeSteps(loop, 1 + warmUpSteps, 0, 0)
      const ms = await bench.timeSteps(loop, steps)
      loop.dispose()
      return ms / steps
    },
  })
  const ratio = { name: 'speed of 2 threads / 1', of: quotient('1 thread', '2 threads') }
  await compare(bench, threadCounts.map(variant), [ratio])
}
