import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Float16Array } from '@petamoriken/float16'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { LoadedModel } from '../../src/engine/loaded-model.ts'
import { fingerprint } from '../../src/engine/model.ts'
import { loadLibrary } from '../../src/llama/index.ts'
import { inspectGguf, type GgufInfo } from '../../src/models/gguf-file.ts'
import { readCheckpoint } from '../../src/predictor/index.ts'
import { extractImportance, type ExtractOptions } from '../../src/traces/extract-importance.ts'
import { ImportancePass, type PassOptions } from '../../src/traces/importance-pass.ts'
import {
  importanceSchema,
  type ImportanceArrays,
  type ImportanceManifest,
  type ImportanceRecord,
} from '../../src/traces/importance-record.ts'
import { ImportanceStore } from '../../src/traces/importance-store.ts'
import type { TraceSource } from '../../src/training/dataset.ts'
import { evaluatePredictor } from '../../src/training/evaluate-predictor.ts'
import { forwardOracle, importanceOracle, maxDifference, tinyF32, tinyPredictor } from '../oracle.ts'
import { droppedTrace, keptTrace, temporaryFolder, writeTraces } from '../support/oracle-traces.ts'

const oracle = importanceOracle().traces
const traces = oracle.map(keptTrace)
const longest = Math.max(...traces.map(({ tokens }) => tokens.length))
const allThinking = (length: number) => Int32Array.from({ length }, (_, i) => i)
const scratch = temporaryFolder()
let model: LoadedModel
let info: GgufInfo

beforeAll(async () => {
  model = LoadedModel.load(loadLibrary('off'), tinyF32, { threads: 1 })
  info = await inspectGguf(tinyF32)
})
afterAll(() => model.dispose())

/** The pass over the i-th trace of the oracle. */
function run(pass: ImportancePass, i: number, sampled = allThinking(traces[i]!.thinkingTokens)): ImportanceArrays {
  const steps = pass.run(traces[i]!, sampled)
  let step = steps.next()
  while (!step.done) step = steps.next()
  return step.value
}

/** What an importance folder would hold of the first traces. */
function sourceOf(arrays: readonly ImportanceArrays[]): TraceSource {
  const records = arrays.map((_, i): ImportanceRecord => {
    const { id, question, promptTokens, thinkingTokens, answerTokens } = traces[i]!
    const counts = { promptTokens, thinkingTokens, answerTokens, storedTokens: thinkingTokens }
    return { schema: importanceSchema, id, question, ...counts, shard: 'none', offset: i, bytes: 1 }
  })
  const settings = { kvType: 'f32', tokensPerTrace: null, seed: 0, versions: {} }
  const manifest: ImportanceManifest = { schema: importanceSchema, model: fingerprint(info), ...settings }
  return { manifest, records, read: ({ offset }) => arrays[offset]! }
}

const passOf = (options: Partial<PassOptions> = {}) =>
  ImportancePass.create(model, { cells: longest, kvType: 'f32', threads: 1, ...options })

describe('the teacher-forced pass, against the oracle (float32 model and cache)', () => {
  const measured: ImportanceArrays[] = []

  test('importance of all 100 traces', { timeout: 120_000 }, () => {
    using pass = passOf()
    for (const [i, { promptImportance, importance }] of oracle.entries()) {
      const arrays = run(pass, i)
      measured.push(arrays)
      expect(maxDifference(arrays.promptImportance, promptImportance)).toBeLessThan(1e-5)
      expect(maxDifference(arrays.importance, importance)).toBeLessThan(1e-5)
    }
  })

  test('the embedded predictor, which dynts trained, is at least as good on them as the oracle’s own', async () => {
    const { figures } = await evaluatePredictor(await readCheckpoint(tinyPredictor), sourceOf(measured), {
      library: model.llama.library,
      threads: 1,
    })
    const { summary } = importanceOracle()
    expect(figures.traces).toBe(100)
    expect(figures.mse).toBeLessThanOrEqual(summary.mse)
    expect(figures.kendallTau).toBeGreaterThanOrEqual(summary.kendallTau)
    for (const [percent, share] of Object.entries(summary.overlapOfTop20))
      expect(figures.overlap[percent]).toBeGreaterThanOrEqual(share)
  })

  test('chunks of a few tokens give the same', () => {
    using pass = passOf({ chunkBytes: 20_000 })
    const trace = traces[0]!
    const steps = pass.run(trace, allThinking(trace.thinkingTokens))
    const ends: number[] = []
    let step = steps.next()
    for (; !step.done; step = steps.next()) ends.push(step.value)
    expect(ends.at(-1)).toBe(trace.tokens.length)
    const answerChunks = ends.filter((end) => end > trace.answerStart)
    expect(answerChunks.length).toBeGreaterThan(trace.answerTokens / 3)
    expect(maxDifference(step.value.importance, oracle[0]!.importance)).toBeLessThan(1e-5)
  })

  test('states are the last hidden states of the sampled tokens', () => {
    let compared = 0
    using pass = passOf()
    for (const { id, tokens, positions, hidden } of forwardOracle()) {
      const i = oracle.findIndex((trace) => trace.id === id && trace.tokens.length === tokens.length)
      const { thinkStart, thinkEnd } = traces[i]!
      const thinking = positions.filter((position) => position >= thinkStart && position < thinkEnd)
      const { states } = run(
        pass,
        i,
        Int32Array.from(thinking, (position) => position - thinkStart),
      )
      const values = Float32Array.from(new Float16Array(states.buffer as ArrayBuffer))
      for (const [row, position] of thinking.entries()) {
        const expected = hidden[positions.indexOf(position)]!
        const largest = Math.max(...expected.map(Math.abs))
        expect(maxDifference(values.subarray(row * 256, row * 256 + 256), expected)).toBeLessThan(1e-3 + largest / 2048)
        compared++
      }
    }
    expect(compared).toBeGreaterThan(5)
  })
})

describe('extraction into a folder', () => {
  const few = traces.slice(0, 4)
  const file = writeTraces(join(scratch, 'few.jsonl'), [few[0]!, droppedTrace('dropped'), ...few.slice(1)])
  const extract = (output: string, options: Partial<ExtractOptions> = {}) =>
    extractImportance({ info, traces: file, output: join(scratch, output), threads: 1, gpu: 'off', ...options })
  const bytesOf = (output: string) =>
    Object.fromEntries(
      readdirSync(join(scratch, output)).map((name) => [name, readFileSync(join(scratch, output, name), 'base64')]),
    )

  test('holds what the pass gives, and says what it will take', async () => {
    let plan
    const summary = await extract('whole', { kvType: 'f32', onPlan: (value) => (plan = value) })
    using store = ImportanceStore.open(join(scratch, 'whole'))
    expect(store.records.map(({ id }) => id)).toEqual(few.map(({ id }) => id))
    for (const [i, record] of store.records.entries()) {
      const { importance, promptImportance, sampled, states } = store.read(record)
      expect(maxDifference(importance, oracle[i]!.importance)).toBeLessThan(1e-5)
      expect(maxDifference(promptImportance, oracle[i]!.promptImportance)).toBeLessThan(1e-5)
      expect(store.readImportance(record)).toEqual(importance)
      expect(sampled).toEqual(allThinking(importance.length))
      expect(states.length).toBe(importance.length * 256)
    }
    const bytes = readFileSync(join(scratch, 'whole', 'shard-00000.bin')).length
    const tokens = few.reduce((sum, trace) => sum + trace.tokens.length, 0)
    expect(plan).toEqual({
      traces: 4,
      bytes,
      tracesLeft: 4,
      tokensLeft: tokens,
      bytesLeft: bytes,
      longest: Math.max(...few.map((trace) => trace.tokens.length)),
      skipped: 0,
    })
    expect(summary).toMatchObject({ traces: 4, bytes, interrupted: false })
    expect(summary.aboveMean).toBeCloseTo(shareAboveMean(oracle.slice(0, 4).map((trace) => trace.importance)), 3)
  })

  test('an interrupted run that is gone on with leaves the same bytes', async () => {
    await extract('unbroken', { tokensPerTrace: 40 })
    for (const tokens of [1, few[0]!.tokens.length + 100]) {
      const controller = new AbortController()
      const first = await extract('broken', {
        tokensPerTrace: 40,
        signal: controller.signal,
        onProgress: (progress) => progress.tokens >= tokens && controller.abort(),
      })
      expect(first.interrupted).toBe(true)
      expect(first.traces).toBeLessThan(4)
    }
    const last = await extract('broken', { tokensPerTrace: 40 })
    expect(last).toMatchObject({ interrupted: false, traces: 4, storedTokens: 160 })
    expect(bytesOf('broken')).toEqual(bytesOf('unbroken'))
    const again = await extract('broken', { tokensPerTrace: 40, onLoading: () => expect.unreachable() })
    expect(again.plan.tracesLeft).toBe(0)
  })

  test('--tokens-per-trace stores the states that all tokens would have', async () => {
    await extract('all')
    await extract('some', { tokensPerTrace: 40, seed: 7 })
    using all = ImportanceStore.open(join(scratch, 'all'))
    using some = ImportanceStore.open(join(scratch, 'some'))
    for (const [i, record] of some.records.entries()) {
      const { importance, sampled, states } = some.read(record)
      const whole = all.read(all.records[i]!)
      expect(importance).toEqual(whole.importance)
      expect(sampled.length).toBe(40)
      for (const [row, token] of sampled.entries()) {
        const expected = whole.states.subarray(token * 256, token * 256 + 256)
        expect(states.subarray(row * 256, row * 256 + 256)).toEqual(expected)
      }
    }
  })

  test('traces that are added while it works are for the next run', async () => {
    const [longer] = traces.filter(({ tokens }) => tokens.length > traces[0]!.tokens.length)
    const growing = writeTraces(join(scratch, 'growing.jsonl'), [traces[0]!])
    const grow = () => void writeTraces(growing, [traces[0]!, longer!])
    const first = await extract('growing', { traces: growing, tokensPerTrace: 1, onPlan: grow })
    expect(first).toMatchObject({ traces: 1, interrupted: false })
    expect(await extract('growing', { traces: growing, tokensPerTrace: 1 })).toMatchObject({ traces: 2 })
  })

  test('traces longer than the trained context are left out and counted', async () => {
    const trainedContext = few[1]!.tokens.length
    const short = { ...info, trainedContext }
    const expected = few.filter((trace) => trace.tokens.length <= trainedContext)
    const summary = await extract('short', { info: short, tokensPerTrace: 1 })
    expect(summary.plan).toMatchObject({ traces: expected.length, skipped: 4 - expected.length })
    expect(summary.traces).toBe(expected.length)
  })

  test('refuses other models, other settings, and foreign folders', async () => {
    await expect(extract('new', { info: { ...info, layers: 7 } })).rejects.toMatchObject({
      code: 'trace_mismatch',
      message: expect.stringContaining('number of layers 6') as string,
    })
    await expect(extract('whole', { kvType: 'f16' })).rejects.toMatchObject({ code: 'importance_mismatch' })
    await expect(extract('.')).rejects.toMatchObject({ code: 'output_exists' })
    await expect(extract('new', { tokensPerTrace: 0 })).rejects.toMatchObject({ code: 'invalid_option' })
    const dropped = writeTraces(join(scratch, 'dropped.jsonl'), [droppedTrace('a')])
    await expect(extract('new', { traces: dropped })).rejects.toMatchObject({ code: 'no_traces' })
  })
})

function shareAboveMean(traces: number[][]): number {
  let above = 0
  for (const importance of traces) {
    const mean = importance.reduce((sum, value) => sum + value, 0) / importance.length
    above += importance.filter((value) => value > mean).length
  }
  return above / traces.reduce((sum, { length }) => sum + length, 0)
}
