import { Float16Array } from '@petamoriken/float16'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { LoadedModel } from '../../src/engine/loaded-model.ts'
import { fingerprint } from '../../src/engine/locate-model.ts'
import { AttentionProbe, LlamaContext, loadLibrary } from '../../src/llama/index.ts'
import { inspectGguf, type GgufInfo } from '../../src/models/gguf-file.ts'
import { readCheckpoint } from '../../src/predictor/index.ts'
import { ImportancePass, type PassOptions } from '../../src/traces/importance-pass.ts'
import {
  importanceSchema,
  type ImportanceArrays,
  type ImportanceManifest,
  type ImportanceRecord,
} from '../../src/traces/importance-record.ts'
import type { TraceSource } from '../../src/training/dataset.ts'
import { evaluatePredictor } from '../../src/training/evaluate-predictor.ts'
import { forwardOracle, importanceOracle, maxDifference, oraclePredictor, tinyF32, tinyPredictor } from '../oracle.ts'
import { keptTrace } from '../support/oracle-traces.ts'

const withStates = new Set(forwardOracle().map(({ id }) => id))
/** Every tenth, and those of which the last hidden states are known. */
const oracle = importanceOracle().traces.filter(({ id }, i) => i % 10 === 0 || withStates.has(id))
const traces = oracle.map(keptTrace)
const longest = Math.max(...traces.map(({ tokens }) => tokens.length))
const allThinking = (length: number) => Int32Array.from({ length }, (_, i) => i)
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
  const settings = { label: 'answer', kvType: 'f32', tokensPerTrace: null, seed: 0, versions: {} } as const
  const manifest: ImportanceManifest = { schema: importanceSchema, model: fingerprint(info), ...settings }
  return { manifest, records, read: ({ offset }) => arrays[offset]! }
}

/** Of each token its attention by position. */
function attentionRows(tokens: readonly number[]): Map<number, number>[] {
  const attentionProbe = new AttentionProbe(model.llama.library)
  using context = LlamaContext.create(model.llama, {
    cellsPerSequence: tokens.length,
    threads: 1,
    kvType: 'f32',
    attentionProbe,
  })
  return tokens.map((token, position) => {
    context.decode({ tokens: [token], positions: [position], sequenceIds: [0] }, false, [true])
    const { positions, weights } = context.attention(0)
    return new Map([...positions].map((seen, i) => [seen, weights[i]!]))
  })
}

const passOf = (options: Partial<PassOptions> = {}) =>
  ImportancePass.create(model, { cells: longest, kvType: 'f32', threads: 1, ...options })

describe('the teacher-forced pass, against the oracle (float32 model and cache)', () => {
  const measured: ImportanceArrays[] = []

  test('importance of every prompt and thinking token', () => {
    using pass = passOf()
    for (const [i, { promptImportance, importance }] of oracle.entries()) {
      const arrays = run(pass, i)
      measured.push(arrays)
      expect(maxDifference(arrays.promptImportance, promptImportance)).toBeLessThan(1e-5)
      expect(maxDifference(arrays.importance, importance)).toBeLessThan(1e-5)
    }
  })

  test('the embedded predictor, which dynts trained, is at least as good on them as the oracle’s own', async () => {
    const [ours, theirs] = await Promise.all([figuresOf(tinyPredictor), figuresOf(oraclePredictor)])
    expect(ours.traces).toBe(oracle.length)
    expect(ours.mse).toBeLessThanOrEqual(theirs.mse)
    expect(ours.kendallTau).toBeGreaterThanOrEqual(theirs.kendallTau)
    // Of so few traces a token more or less is no difference.
    for (const [percent, share] of Object.entries(theirs.overlap))
      expect(ours.overlap[percent]).toBeGreaterThan(share - 0.01)
  })

  async function figuresOf(predictor: string) {
    const options = { library: model.llama.library, threads: 1 }
    const { figures } = await evaluatePredictor(await readCheckpoint(predictor), sourceOf(measured), options)
    return figures
  }

  test.each([
    ['later:24', undefined],
    ['mix:24', undefined],
    ['later:24', 20_000],
  ] as const)('%s in chunks of %s bytes: from the attention of each token, decoded alone', (label, chunkBytes) => {
    const trace = traces[0]!
    const { tokens, promptTokens, thinkStart, thinkEnd, answerStart } = trace
    const attentionOf = attentionRows(tokens)
    const mean = (queries: readonly number[], position: number) =>
      queries.reduce((sum, query) => sum + attentionOf[query]!.get(position)!, 0) / queries.length
    const range = (from: number, end: number) => Array.from({ length: Math.max(0, end - from) }, (_, i) => from + i)
    const answer = range(0, thinkEnd).map((position) => mean(range(answerStart, tokens.length), position))
    const later = range(0, thinkEnd).map((position, i) => {
      const queries = range(Math.max(thinkStart, position + 24), tokens.length)
      return queries.length === 0 ? answer[i]! : mean(queries, position)
    })
    const over = (values: readonly number[]) =>
      values.slice(thinkStart).reduce((sum, value) => sum + value, 0) / (thinkEnd - thinkStart)
    const mix = answer.map((value, i) => (over(answer) * (value / over(answer) + later[i]! / over(later))) / 2)
    const expected = label === 'mix:24' ? mix : later

    using pass = passOf({ label, chunkBytes })
    const { importance, promptImportance } = run(pass, 0)
    expect(maxDifference(promptImportance, expected.slice(0, promptTokens))).toBeLessThan(1e-5)
    expect(maxDifference(importance, expected.slice(thinkStart))).toBeLessThan(1e-5)
    expect(maxDifference(importance, answer.slice(thinkStart))).toBeGreaterThan(1e-3)
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
