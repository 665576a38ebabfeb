import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { LoadedModel } from '../../src/engine/loaded-model.ts'
import type { GenerateRequest } from '../../src/engine/types.ts'
import { loadLibrary } from '../../src/llama/index.ts'
import { readCheckpoint } from '../../src/predictor/index.ts'
import { importanceOracle, maxDifference, tinyF32, oraclePredictor } from '../oracle.ts'
import { compareKept, runRequests, type Run } from '../support/run-requests.ts'

let model: LoadedModel
/** The four questions by replay in a batch, without compaction. */
let together: Run[]
/** Four questions, each under a policy and a budget of its own. */
const policies = ['dynts', 'dynts-no-local', 'question-window', 'dynts-bottom']
const questions = importanceOracle()
  .traces.slice(0, 4)
  .map((trace, i) => {
    const replay = trace.tokens.slice(trace.promptTokens, trace.promptTokens + 230)
    const bound = { budget: trace.promptTokens + 80 + 4 * i, localWindow: 24, ratio: 0.5 }
    return { prompt: { tokens: trace.tokens.slice(0, trace.promptTokens) }, policy: policies[i], replay, ...bound }
  })
const sampled = questions.map((question, seed): GenerateRequest => {
  return { ...question, replay: undefined, seed, maxTokens: 130 }
})

beforeAll(async () => {
  model = LoadedModel.load(loadLibrary('off'), tinyF32, {
    threads: 1,
    predictor: await readCheckpoint(oraclePredictor),
  })
  together = runRequests(model, questions, { kvType: 'f32' })
})
afterAll(() => model.dispose())

const events = ({ evictions }: Run) => evictions.map(({ step, before, evicted }) => [step, before, evicted])
const withoutTiming = ({ result }: Run) => ({ ...result, timing: undefined })

describe('one sequence at a time', () => {
  test.each(['off', 'on'] as const)('the same seed gives the same again, compaction %s', (compaction) => {
    const [first] = runRequests(model, [sampled[0]!], { compaction })
    const [second] = runRequests(model, [sampled[0]!], { compaction })
    expect(first!.evictions.length).toBeGreaterThan(1)
    expect(second!.evictions).toEqual(first!.evictions)
    expect(withoutTiming(second!)).toEqual(withoutTiming(first!))
  })

  test('another seed gives other tokens', () => {
    const [first, other] = [1, 2].map((seed) => runRequests(model, [{ ...sampled[0]!, seed, maxTokens: 60 }])[0]!)
    expect(other!.generated).not.toEqual(first!.generated)
  })
})

describe('four sequences in a batch', () => {
  test('by replay: the log-probabilities of each alone, and the same cells kept up to near ties', () => {
    for (const [i, run] of together.entries()) {
      const [alone] = runRequests(model, [questions[i]!], { kvType: 'f32' })
      expect(maxDifference(run.result.logprobs!, alone!.result.logprobs!)).toBeLessThan(1e-2)
      expect(compareKept(alone!, run, 1e-3)).toBeTypeOf('number')
      expect(events(run)).toEqual(events(alone!))
      expect(run.result.cache).toEqual(alone!.result.cache)
      expect(run.evictions.length).toBeGreaterThan(3)
    }
  })

  test('with sequence ids for two only, the same again', () => {
    const inTurn = runRequests(model, questions, { kvType: 'f32', sequences: 2 })
    for (const [i, run] of inTurn.entries()) {
      expect(maxDifference(run.result.logprobs!, together[i]!.result.logprobs!)).toBeLessThan(1e-2)
      expect(compareKept(together[i]!, run, 1e-3)).toBeTypeOf('number')
    }
  })

  test('sampled: what a result says of its settings and counts is what it says of one alone', () => {
    for (const [i, run] of runRequests(model, sampled).entries()) {
      const [alone] = runRequests(model, [sampled[i]!])
      expect(Object.keys(run.result)).toEqual(Object.keys(alone!.result))
      const { policy, budget, localWindow, ratio, bytesPerCell, allocatedBytes, peakCells } = alone!.result.cache
      expect(run.result.cache).toMatchObject({ policy, budget, localWindow, ratio, bytesPerCell, allocatedBytes })
      expect([peakCells, run.result.cache.peakCells]).toEqual([sampled[i]!.budget, sampled[i]!.budget])
      const { promptTokens, thinkingTokens, answerTokens } = run.result.usage
      expect(promptTokens).toBe(questions[i]!.prompt.tokens.length)
      expect(thinkingTokens + answerTokens).toBe(run.generated.length)
      expect(run.result.seed).toBe(i)
    }
  })

  test('cancelling one leaves the others as they are without it', () => {
    const cancelled = runRequests(model, questions, { kvType: 'f32', cancel: { request: 1, afterTokens: 120 } })
    expect(cancelled[1]!.result.finishReason).toBe('cancelled')
    const { generated } = cancelled[1]!
    // A replay goes on by whole passes.
    expect(generated.length).toBeGreaterThanOrEqual(120)
    expect(generated).toEqual(questions[1]!.replay.slice(0, generated.length))
    const others = [0, 2, 3]
    const without = runRequests(
      model,
      others.map((i) => questions[i]!),
      { kvType: 'f32' },
    )
    for (const [k, i] of others.entries()) {
      expect(maxDifference(cancelled[i]!.result.logprobs!, without[k]!.result.logprobs!)).toBeLessThan(1e-2)
      expect(compareKept(without[k]!, cancelled[i]!, 1e-3)).toBeTypeOf('number')
    }
  })
})

describe('compaction', () => {
  test.each([
    ['f32', 5e-3, 1e-3],
    ['f16', 1e-2, 1e-2],
  ] as const)('on and off, %s cache: log-probabilities under replay within %d', (kvType, tolerance, tie) => {
    const on = runRequests(model, questions, { kvType, compaction: 'on' })
    const off = kvType === 'f32' ? together : runRequests(model, questions, { kvType })
    for (const [i, run] of on.entries()) {
      expect(run.result.cache.compactions).toBe(run.evictions.length)
      expect(off[i]!.result.cache.compactions).toBe(0)
      expect(maxDifference(run.result.logprobs!, off[i]!.result.logprobs!)).toBeLessThan(tolerance)
      expect(compareKept(off[i]!, run, tie)).toBeTypeOf('number')
    }
  })
})
