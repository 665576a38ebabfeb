/** A prompt that is copied instead of read changes not one bit of what follows it. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readCalibration } from '../../src/calibration/calibration-file.ts'
import { DecodeLoop } from '../../src/engine/decode-loop.ts'
import { LoadedModel } from '../../src/engine/loaded-model.ts'
import type { GenerateEvent, GenerateRequest, GenerateResult } from '../../src/engine/types.ts'
import { findPolicy, policyNames } from '../../src/eviction/registry.ts'
import { loadLibrary, type KvType } from '../../src/llama/index.ts'
import { readCheckpoint } from '../../src/predictor/index.ts'
import { importanceOracle, oraclePredictor, tinyCalibration, tinyF32 } from '../oracle.ts'

let model: LoadedModel
beforeAll(async () => {
  const predictor = await readCheckpoint(oraclePredictor)
  const calibration = await readCalibration(tinyCalibration)
  model = LoadedModel.load(loadLibrary('off'), tinyF32, { threads: 1, predictor, calibration })
})
afterAll(() => model.dispose())

const trace = importanceOracle().traces[0]!
const prompt = { tokens: trace.tokens.slice(0, trace.promptTokens) }
const replay = trace.tokens.slice(trace.promptTokens, trace.promptTokens + 120)
const bound = { budget: trace.promptTokens + 40, localWindow: 12, ratio: 0.5 }

interface Outcome {
  readonly result: GenerateResult
  readonly evictions: readonly GenerateEvent[]
}

/** One after another in the same loop. */
function run(requests: readonly GenerateRequest[], kvType: KvType, attention: boolean): Outcome[] {
  using context = model.createContext({ cellsPerSequence: 512, sequences: 1, kvType, attention })
  const loop = new DecodeLoop(context, model.loopModel(context), { compaction: 'on', cellBytes: { full: 1 } })
  return requests.map((request, id) => {
    loop.submit(id, request)
    const events: GenerateEvent[] = []
    while (!loop.idle) {
      for (const item of loop.step()) {
        if ('error' in item) throw item.error
        events.push(item.event)
      }
    }
    const finish = events.find((event) => event.type === 'finish')!
    return { result: finish.result, evictions: events.filter(({ type }) => type === 'eviction') }
  })
}

test.each<[string, KvType]>([
  ...policyNames().map((name): [string, KvType] => [name, 'f16']),
  ['dynts', 'q8_0'],
  ['question-window', 'f32'],
])('under %s, cache type %s', (policy, kvType) => {
  const settings = findPolicy(policy).evicts ? bound : {}
  const attention = kvType !== 'q8_0'
  const replayed: GenerateRequest = { prompt, policy, replay, seed: 3, ...settings }
  const sampled: GenerateRequest = { prompt, policy, maxTokens: 100, seed: 3, ...settings }
  const before: GenerateRequest = { prompt, policy: 'full', maxTokens: 1 }
  // How a token is chosen does not depend on who chooses the cells.
  const requests = ['full', 'dynts', 'random'].includes(policy) ? [replayed, sampled] : [replayed]
  const [, ...copies] = run([before, ...requests], kvType, attention)
  for (const [i, request] of requests.entries()) {
    const copied = copies[i]!
    const [alone] = run([request], kvType, attention)
    expect(alone!.result.usage.cachedPromptTokens).toBe(0)
    // H2O adds up the attention of all queries, those of the prompt included.
    expect(copied.result.usage.cachedPromptTokens).toBe(policy === 'h2o' ? 0 : trace.promptTokens - 1)
    expect(copied.result.tokens).toEqual(alone!.result.tokens)
    expect(copied.result.logprobs).toEqual(alone!.result.logprobs)
    expect(copied.evictions).toEqual(alone!.evictions)
    expect(copied.result.cache).toEqual(alone!.result.cache)
  }
})
