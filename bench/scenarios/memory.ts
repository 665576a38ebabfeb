/**
 * Whether memory stays bounded: the resident set of this process in a long generation under B = 3000, every token computed.
 * One run; `--repetitions` has no effect.
 */
import { existsSync, readFileSync } from 'node:fs'
import type { Bench } from '../bench.ts'
import { DecodeLoop } from '../../src/engine/decode-loop.ts'
import type { Scenario } from '../scenario.ts'
import { forceWords, randomPrompt } from '../words.ts'

const mebibyte = 2 ** 20

export const memory: Scenario = {
  name: 'memory',
  summary: 'resident set of a 16k-token generation under B = 3000 (target: within 5 % of its value at step 3,000)',
  parts: [{ model: 'shape', run }],
}

async function run(bench: Bench): Promise<void> {
  const { promptTokens, cache, newTokens } = bench.sizes
  const steps = bench.options.steps ?? newTokens
  const sampleEvery = bench.sizes.of(500)
  /** Later samples are compared with the one at this step. */
  const baseStep = 6 * sampleEvery
  using model = await bench.loadModel({ predictor: true })
  using context = model.createContext({ cellsPerSequence: cache.budget })
  const loopModel = forceWords(model.loopModel(context))
  const loop = new DecodeLoop(context, loopModel, { compaction: 'auto', cellBytes: { full: 1 } })
  const { measurements } = bench
  Object.assign(measurements.settings, { promptTokens, ...cache, steps })
  Object.assign(measurements.units, { step: '', resident: 'MiB', anonymous: 'MiB', heap: 'MiB' })
  let base: number | undefined
  measurements.ratios.push({
    name: `resident set / its value at step ${baseStep}`,
    of: ({ step, resident }) => {
      return base === undefined || resident === undefined || (step ?? 0) < baseStep ? undefined : resident / base
    },
    target: { atLeast: 0.95, atMost: 1.05, always: true },
  })
  loop.submit(1, {
    prompt: { tokens: randomPrompt(loopModel.vocab, promptTokens) },
    policy: 'dynts',
    maxTokens: steps + 8,
    sampling: { temperature: 0 },
    ...cache,
  })
  bench.setSpan(0, 0, 'prefill')
  await bench.timeSteps(loop, 1)
  for (let done = 0; done < steps;) {
    const count = Math.min(sampleEvery, steps - done)
    bench.setSpan(done / steps, count / steps, `step ${done}`)
    const ms = await bench.timeSteps(loop, count)
    done += count
    const sample = { step: done, ...memoryNow(), 'ms/step': ms / count }
    if (done === baseStep) base = sample.resident
    measurements.rounds.push(sample)
    if (done % (4 * sampleEvery) === 0)
      measurements.notes.push(`step ${done}: ${sample.resident.toFixed(1)} MiB resident`)
  }
  loop.dispose()
}

function memoryNow(): { resident: number; heap: number; anonymous?: number } {
  const { rss, heapUsed } = process.memoryUsage()
  const anonymous = anonymousBytes()
  return {
    resident: rss / mebibyte,
    heap: heapUsed / mebibyte,
    ...(anonymous === undefined ? {} : { anonymous: anonymous / mebibyte }),
  }
}

/** Memory that is not a mapped file; Linux only. */
function anonymousBytes(): number | undefined {
  const path = '/proc/self/smaps_rollup'
  if (!existsSync(path)) return undefined
  const kilobytes = /^Anonymous:\s+(\d+) kB$/m.exec(readFileSync(path, 'utf8'))?.[1]
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024
}
