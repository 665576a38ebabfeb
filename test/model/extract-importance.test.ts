/**
 * `extractImportance` on the embedded model: what the folder holds, that a stopped run is gone on with, and the process that
 * computes.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { extractImportance, ImportanceStore, inspectGguf, type ExtractOptions, type GgufInfo } from 'dynts'
import { Float16Array } from '@petamoriken/float16'
import { beforeAll, describe, expect, test } from 'vitest'
import { importanceOracle, maxDifference, tinyF32 } from '../oracle.ts'
import type { PassSpeed } from '../../src/traces/extract-importance.ts'
import { droppedTrace, keptTrace, temporaryFolder, writeTraces } from '../support/oracle-traces.ts'

const oracle = importanceOracle().traces
const traces = oracle.map(keptTrace)
const allThinking = (length: number) => Int32Array.from({ length }, (_, i) => i)
const scratch = temporaryFolder()
let info: GgufInfo

beforeAll(async () => {
  info = await inspectGguf(tinyF32)
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

  test('after the first trace it is known how fast the machine is, once', async () => {
    const speeds: PassSpeed[] = []
    await extract('timed', { tokensPerTrace: 1, onSpeed: (speed) => speeds.push(speed) })
    expect(speeds).toHaveLength(1)
    expect(speeds[0]!.secondsPerToken).toBeGreaterThan(0)
    expect(speeds[0]!.secondsPerStep).toBeGreaterThan(0)
    expect(speeds[0]!.tokensLeft).toBe(few.slice(1).reduce((sum, trace) => sum + trace.tokens.length, 0))
    const bytes = bytesOf('timed')
    await extract('untimed', { tokensPerTrace: 1 })
    expect(bytesOf('untimed')).toEqual(bytes)
  })

  test('under another label, which the folder keeps; states are the same', async () => {
    const summary = await extract('later', { kvType: 'f32', label: 'later:16' })
    expect(summary.manifest.label).toBe('later:16')
    using answers = ImportanceStore.open(join(scratch, 'whole'))
    using later = ImportanceStore.open(join(scratch, 'later'))
    expect([answers.manifest.label, later.manifest.label]).toEqual(['answer', 'later:16'])
    for (const [i, record] of later.records.entries()) {
      const [one, other] = [answers.read(answers.records[i]!), later.read(record)]
      expect(maxDifference(one.importance, other.importance)).toBeGreaterThan(1e-3)
      const [a, b] = [one, other].map(({ states }) => new Float16Array(states.slice().buffer))
      expect(maxDifference(a!, b!)).toBeLessThan(0.02)
    }
    expect(await extract('later', { kvType: 'f32', label: 'later:16' })).toMatchObject({ plan: { tracesLeft: 0 } })
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

  test('stopped while the model is loaded, it leaves nothing', async () => {
    const controller = new AbortController()
    const reason = new Error('enough')
    const stopped = extract('stopped', { signal: controller.signal, onLoading: () => controller.abort(reason) })
    await expect(stopped).rejects.toBe(reason)
    expect(readdirSync(scratch).filter((name) => name.startsWith('stopped'))).toEqual([])
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
    await expect(extract('whole', { kvType: 'f32', label: 'later:32' })).rejects.toMatchObject({
      code: 'importance_mismatch',
      message: expect.stringContaining('another `label` (answer instead of later:32)') as string,
    })
    await expect(extract('new', { label: 'soon' })).rejects.toMatchObject({ code: 'invalid_label' })
    await expect(extract('.')).rejects.toMatchObject({ code: 'output_exists' })
    await expect(extract('new', { tokensPerTrace: 0 })).rejects.toMatchObject({ code: 'invalid_option' })
    const dropped = writeTraces(join(scratch, 'dropped.jsonl'), [droppedTrace('a')])
    await expect(extract('new', { traces: dropped })).rejects.toMatchObject({ code: 'no_traces' })
  })
})

describe('the process of the pass', () => {
  const program = fileURLToPath(new URL('../../dist/traces/pass-program.js', import.meta.url))
  const start = () => fork(program, { serialization: 'advanced', execArgv: [] })
  const refused = async (child: ChildProcess) => {
    const settings = { path: join(scratch, 'no-such-model.gguf'), cells: 10, gpu: 'off' }
    child.send({ type: 'open', settings })
    return (await once(child, 'message'))[0] as unknown
  }
  const failure = expect.objectContaining({ type: 'failure' }) as unknown

  test('leaves Ctrl-C, which reaches all processes of a terminal, to the one that started it', async () => {
    const child = start()
    expect(await refused(child)).toEqual(failure)
    child.kill('SIGINT')
    child.kill('SIGTERM')
    expect(await refused(child)).toEqual(failure)
    child.kill('SIGKILL')
  })

  test('ends when there is nobody left to work for', async () => {
    const child = start()
    expect(await refused(child)).toEqual(failure)
    const ended = once(child, 'exit')
    child.disconnect()
    expect(await ended).toEqual([0, null])
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
