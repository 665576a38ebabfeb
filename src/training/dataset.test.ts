import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { InputError } from '../errors.ts'
import type { ImportanceRecord } from '../traces/importance-record.ts'
import { checkEnoughTraces, Dataset, digestOf, splitByQuestion, type TraceSource } from './dataset.ts'
import { syntheticManifest, syntheticSource } from './synthetic.fake.ts'

const source = syntheticSource({ questions: 20, samplesPerQuestion: 3 })

describe('held-out questions', () => {
  test('no question is on both sides, and nothing is lost', () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.integer({ min: 2, max: 30 }),
        (seed, share, n) => {
          const { records } = syntheticSource({ questions: n, samplesPerQuestion: 2, thinkingTokens: 1 })
          const { training, heldOut, trainingQuestions, heldOutQuestions } = splitByQuestion(records, share, seed)
          const [left, right] = [training, heldOut].map((side) => new Set(side.map(({ question }) => question)))
          expect([...left!].filter((question) => right!.has(question))).toEqual([])
          expect([left!.size, right!.size]).toEqual([trainingQuestions, heldOutQuestions])
          expect(training.length + heldOut.length).toBe(records.length)
          expect(Math.min(training.length, heldOut.length)).toBeGreaterThan(0)
        },
      ),
      { numRuns: 50 },
    )
  })

  test('a tenth of them, chosen by the seed and not by the order of the records', () => {
    const once = splitByQuestion(source.records, 0.1, 1)
    expect(once).toMatchObject({ trainingQuestions: 18, heldOutQuestions: 2 })
    expect(once.heldOut).toHaveLength(6)
    const reversed = splitByQuestion([...source.records].reverse(), 0.1, 1)
    expect(new Set(reversed.heldOut)).toEqual(new Set(once.heldOut))
    const others = [2, 3, 4, 5].map((seed) => splitByQuestion(source.records, 0.1, seed).heldOut)
    expect(others).not.toEqual(others.map(() => once.heldOut))
  })
})

describe('too few traces', () => {
  test('are refused, with how many there are and how many are needed', () => {
    const few = syntheticSource({ questions: 6, samplesPerQuestion: 2 }).records
    expect(() => checkEnoughTraces(few, 20)).toThrow(InputError)
    expect(() => checkEnoughTraces(few, 20)).toThrow(
      /are 12 traces of 6 questions.* at least 20 traces of 10 questions/,
    )
    expect(() => checkEnoughTraces([], 20)).toThrow(/are 0 traces of 0 questions/)
    expect(() => checkEnoughTraces(few, 12)).not.toThrow()
  })

  test('many traces of few questions are too few as well', () => {
    const { records } = syntheticSource({ questions: 3, samplesPerQuestion: 20, thinkingTokens: 1 })
    expect(() => checkEnoughTraces(records, 20)).toThrow(/60 traces of 3 questions/)
  })
})

describe('traces', () => {
  test('a target is relative to the mean over all thinking tokens, also when only some are stored', () => {
    const sampledSource: TraceSource = {
      manifest: syntheticManifest(1),
      records: [],
      read: () => ({
        importance: Float32Array.of(0.1, 0.2, 0.3, 0.4, 1),
        promptImportance: new Float32Array(1),
        sampled: Int32Array.of(1, 4),
        states: new Uint16Array(2),
      }),
    }
    const trace = new Dataset(sampledSource, 'power:1').trace({} as ImportanceRecord)
    expect([...trace.importance]).toEqual([Math.fround(0.2), 1])
    expect(trace.target[0]).toBeCloseTo(0.5, 6)
    expect(trace.target[1]).toBeCloseTo(2.5, 6)
  })

  test('what fits into memory is read once, the rest each time', () => {
    const two = syntheticSource({ questions: 2, samplesPerQuestion: 1, thinkingTokens: 10 })
    const bytesOfFirst = two.records[0]!.storedTokens * 8 * 2
    const dataset = new Dataset(two, 'linear', bytesOfFirst)
    for (let i = 0; i < 3; i++) for (const record of two.records) dataset.trace(record)
    expect(two.reads).toBe(1 + 3)
  })

  test('what is kept counts with all of its block, also where few tokens are stored', () => {
    const one = syntheticSource({ questions: 1, samplesPerQuestion: 1, thinkingTokens: 10 })
    const [record] = one.records
    const arrays = one.read(record!)
    const block = new Uint16Array(100_000)
    const states = block.subarray(0, arrays.states.length)
    let reads = 0
    const source = { ...one, read: () => (reads++, { ...arrays, states }) }
    for (const [room, expected] of [
      [block.byteLength - 1, 2],
      [block.byteLength, 1],
    ] as const) {
      const dataset = new Dataset(source, 'linear', room)
      reads = 0
      dataset.trace(record!)
      dataset.trace(record!)
      expect(reads).toBe(expected)
    }
  })

  test('states that are not finite are refused, naming the trace', () => {
    const broken = syntheticSource({ questions: 2, samplesPerQuestion: 1 })
    const record = broken.records[1]!
    broken.read(record).states[5] = 0x7c00
    expect(() => new Dataset(broken, 'linear').trace(record)).toThrow(/hidden states of trace q1#0 are not all finite/)
  })
})

test('a digest tells sets of traces apart', () => {
  const { manifest, records } = source
  const digest = digestOf({ manifest, records })
  expect(digestOf(syntheticSource({ questions: 20, samplesPerQuestion: 3 }))).toBe(digest)
  expect(digestOf({ manifest, records: records.slice(1) })).not.toBe(digest)
  expect(digestOf({ manifest: { ...manifest, label: 'later:128' }, records })).not.toBe(digest)
  expect(digestOf({ manifest: { ...manifest, kvType: 'f32' }, records })).not.toBe(digest)
  expect(digestOf({ manifest: { ...manifest, versions: { dynts: '9' } }, records })).toBe(digest)
})
