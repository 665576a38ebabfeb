/**
 * Policies that look at attention and keys, on the embedded model: in batches whose sequences join and leave at different
 * times, each as it is alone.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { readCalibration } from '../../src/calibration/calibration-file.ts'
import { DecodeLoop } from '../../src/engine/decode-loop.ts'
import { LoadedModel } from '../../src/engine/loaded-model.ts'
import type { EvictionEvent, GenerateRequest, GenerateResult } from '../../src/engine/types.ts'
import { findPolicy, policyNames } from '../../src/eviction/registry.ts'
import { loadLibrary } from '../../src/llama/index.ts'
import { readCheckpoint } from '../../src/predictor/index.ts'
import { importanceOracle, maxDifference, oraclePredictor, tinyCalibration, tinyF32 } from '../oracle.ts'
import { recordScores } from '../support/record-scores.ts'
import { compareKept, type Run } from '../support/run-requests.ts'

let model: LoadedModel
beforeAll(async () => {
  model = LoadedModel.load(loadLibrary('off'), tinyF32, {
    threads: 1,
    predictor: await readCheckpoint(oraclePredictor),
    calibration: await readCalibration(tinyCalibration),
  })
})
afterAll(() => model.dispose())
afterEach(() => vi.restoreAllMocks())

/** A request, and the turn of the loop at which it arrives. */
type Arrival = GenerateRequest & { readonly at: number }

const traces = importanceOracle().traces
const bounded = policyNames().filter((name) => findPolicy(name).evicts && name !== 'random')

function arrival(i: number, policy: string, at: number, tokens: number): Arrival {
  const trace = traces[i]!
  const replay = trace.tokens.slice(trace.promptTokens, trace.promptTokens + tokens)
  const bound = { budget: trace.promptTokens + 50 + 2 * i, localWindow: 12, ratio: 0.5 }
  const prompt = { tokens: trace.tokens.slice(0, trace.promptTokens) }
  return { prompt, policy, replay, seed: i, at, ...bound }
}

function run(arrivals: readonly Arrival[], sequences: number): Run[] {
  vi.restoreAllMocks()
  const scores = recordScores(arrivals.map(({ policy }) => policy!))
  using context = model.createContext({ cellsPerSequence: 512, sequences, kvType: 'f32', attention: true })
  const loop = new DecodeLoop(context, model.loopModel(context), { compaction: 'off', cellBytes: { full: 1 } })
  const evictions = arrivals.map((): EvictionEvent[] => [])
  const results: GenerateResult[] = []
  for (let turn = 0; results.filter(Boolean).length < arrivals.length; turn++) {
    arrivals.forEach(({ at, ...request }, id) => at === turn && loop.submit(id, request))
    for (const item of loop.step()) {
      if ('error' in item) throw item.error
      if (item.event.type === 'eviction') evictions[item.requestId]!.push(item.event)
      if (item.event.type === 'finish') results[item.requestId] = item.event.result
    }
  }
  return results.map((result, id) => {
    const generated = result.tokens.slice(result.usage.promptTokens)
    return { result, generated, evictions: evictions[id]!, scores: scores.get(arrivals[id]!.seed!)! }
  })
}

/** Near ties: within 1e-3 of the largest score. */
function expectAsAlone(together: Run, alone: Run): void {
  expect(maxDifference(together.result.logprobs!, alone.result.logprobs!)).toBeLessThan(1e-2)
  const largest = Math.max(...alone.scores.flatMap((scores) => [...scores.values()].map(Math.abs)))
  expect(compareKept(alone, together, 1e-3 * largest)).toBeTypeOf('number')
  const counts = (one: Run) => one.evictions.map(({ step, before, evicted }) => [step, before, evicted])
  expect(counts(together)).toEqual(counts(alone))
  expect(together.evictions.length).toBeGreaterThan(2)
}

describe('sequences that join and leave at different times', () => {
  const policies = ['h2o', 'snapkv', 'dynts', 'r-kv', 'tova', 'knorm']
  const arrivals = policies.map((policy, i) => arrival(i, policy, 17 * i, i % 2 === 0 ? 150 : 120))
  let alone: Run[]
  beforeAll(() => {
    alone = arrivals.flatMap((one) => run([{ ...one, at: 0 }], 1))
  })

  test.each([2, 3, 4])('%d at a time: each as it is alone', (sequences) => {
    for (const [i, together] of run(arrivals, sequences).entries()) expectAsAlone(together, alone[i]!)
  })
})

test('all policies leave the same number of cells at every eviction of the same text', () => {
  const evicting = policyNames().filter((name) => findPolicy(name).evicts)
  const sizes = evicting.map((policy) => {
    const [{ evictions }] = run([arrival(2, policy, 0, 130)], 1) as [Run]
    return evictions.map(({ step, before, kept, evicted }) => [step, before, kept.length, evicted])
  })
  expect(sizes[0]!.length).toBeGreaterThan(2)
  for (const [i, size] of sizes.entries()) expect(size, evicting[i]).toEqual(sizes[0])
})

test('a value reserve keeps the candidates of the largest values, as the values of an undisturbed cache tell', () => {
  const request = { ...arrival(2, 'question-window', 0, 60), valueReserve: 0.1, evictionScores: true }
  const { promptTokens, tokens } = traces[2]!
  const [{ evictions }] = run([request], 1) as [Run]
  const { kept, leaving, scored } = evictions[0]!
  const candidates = [...scored!.positions]
  expect(candidates).toEqual(Array.from({ length: request.budget! - promptTokens - 12 }, (_, i) => promptTokens + i))

  using context = model.createContext({ cellsPerSequence: 512, kvType: 'f32' })
  context.append(0, tokens.slice(0, request.budget), 0, 'none')
  const values = context.cached(0).values()
  const sums = candidates.map(() => 0)
  for (const layer of values.layers()) {
    const width = layer.length / values.positions.length
    for (let offset = 0; offset < width; offset += values.headSize) {
      const ranges = candidates.map((position) => {
        const start = values.positions.indexOf(position) * width + offset
        const vector = [...layer.slice(start, start + values.headSize)]
        return Math.max(...vector) - Math.min(...vector)
      })
      const mean = ranges.reduce((a, b) => a + b) / ranges.length
      for (const [i, range] of ranges.entries()) sums[i]! += range / mean
    }
  }
  const reserved = candidates
    .map((position, i) => ({ position, sum: sums[i]! }))
    .sort((a, b) => b.sum - a.sum)
    .slice(0, Math.floor(0.1 * request.budget!))
    .map(({ position }) => position)
  const oldest = candidates.filter((position) => !reserved.includes(position)).slice(0, leaving.length)
  expect([...leaving]).toEqual(oldest)
  expect(reserved.filter((position) => kept.includes(position))).toHaveLength(reserved.length)
  expect(oldest).not.toEqual(candidates.slice(0, leaving.length))
})

test.each(bounded)('%s samples: the same seed gives the same again, and another policy something else', (policy) => {
  const sampled = { ...arrival(1, policy, 0, 0), replay: undefined, maxTokens: 100 }
  const [first, second, other] = [policy, policy, 'random'].map((name) => run([{ ...sampled, policy: name }], 1)[0])
  expect(second!.generated).toEqual(first!.generated)
  expect(second!.evictions).toEqual(first!.evictions)
  expect(other!.evictions[0]!.kept).not.toEqual(first!.evictions[0]!.kept)
})
