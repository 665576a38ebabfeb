import { mkdtempSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { scratch } from '../../test/support/scratch.ts'
import { noLock } from '../../test/support/no-lock.ts'
import { InputError } from '../errors.ts'
import { TraceFile, type TraceFileOptions } from './trace-file.ts'
import { dropReasons, traceSchema, type TraceRecord } from './trace-record.ts'
import { sampleSeed, traceId } from './trace-job.ts'

const questions = ['a', 'b#1'].map((id, index) => ({ id, question: `${id}?`, answer: id.toUpperCase(), index }))
const options: TraceFileOptions = {
  lock: noLock,
  conditions: {
    model: { architecture: 'qwen2', hiddenSize: 8, layers: 2, vocabularySize: 99, name: 'm' },
    source: 'local',
    settings: {
      temperature: 0.6,
      topP: 0.95,
      topK: 20,
      minP: 0,
      maxTokens: 10,
      maxLength: 20,
      instruction: '',
      kvType: 'f16',
      template: null,
    },
  },
  seed: 7,
  questions,
  samples: 2,
  resume: true,
}
const newPath = () => join(mkdtempSync(join(scratch, 'dynts-traces-')), 'traces.jsonl')

function record(question: string, sample: number, thinkingTokens?: number): TraceRecord {
  const common = {
    schema: traceSchema as typeof traceSchema,
    id: traceId(question, sample),
    question,
    sample,
    seed: sampleSeed(7, question, sample),
    ...options.conditions,
    expected: question.toUpperCase(),
    answer: null,
    thinkingTokens: thinkingTokens ?? 0,
    answerTokens: 1,
    versions: {},
    at: new Date().toISOString(),
  }
  if (thinkingTokens === undefined) return { ...common, outcome: 'truncated' }
  const thinkEnd = 2 + thinkingTokens
  const positions = { promptTokens: 2, thinkStart: 2, thinkEnd, answerStart: thinkEnd + 1 }
  return { ...common, ...positions, outcome: 'kept', tokens: [1] }
}

test('counts what is asked for, also what is there already', () => {
  const path = newPath()
  const file = new TraceFile(path, { ...options, samples: 3 })
  for (const each of [record('a', 0, 10), record('a', 1), record('b#1', 0, 20), record('a', 2, 60)]) file.add(each)
  file.add(record('a', 0))
  expect(file.tally).toMatchObject({ sampled: 4, kept: 3, meanThinkingTokens: 30 })
  const again = new TraceFile(path, options)
  expect([again.has('a#0'), again.has('b#1#0'), again.has('b#1#1')]).toEqual([true, true, false])
  const none = Object.fromEntries(dropReasons.map((reason) => [reason, 0]))
  // The third sample is not asked for here.
  expect(again.tally).toEqual({ sampled: 3, kept: 2, dropped: { ...none, truncated: 1 }, meanThinkingTokens: 15 })
})

test('of given traces those of the file count, and another text under the same name is refused', () => {
  const path = newPath()
  const given = (samples: ReadonlyMap<string, string>): TraceFileOptions => ({ ...options, seed: null, samples })
  const texts = new Map([
    ['a#0', 'aa'],
    ['b#1#0', 'bb'],
  ])
  const file = new TraceFile(path, given(texts))
  file.add({ ...record('a', 0, 10), seed: null, given: 'aa' })
  file.add({ ...record('a', 1, 10), seed: null, given: 'cc' })
  expect(file.tally).toMatchObject({ sampled: 1, kept: 1 })
  expect(new TraceFile(path, given(texts)).has('a#0')).toBe(true)
  expect(() => new TraceFile(path, given(new Map([['a#0', 'dd']])))).toThrow(/trace a#0 is another one now/)
})

test('without any kept trace there is no mean', () => {
  expect(new TraceFile(newPath(), options).tally.meanThinkingTokens).toBeNull()
})

const { conditions } = options
test.each<[string, Partial<TraceFileOptions>, RegExp]>([
  ['temperature', withSettings({ temperature: 0.8 }), /made with `temperature` 0\.6, not 0\.8/],
  ['tokens', withSettings({ maxTokens: 11 }), /made with `maxTokens` 10, not 11/],
  ['instruction', withSettings({ instruction: '\nThink.' }), /made with `instruction` "", not "\\nThink\."/],
  ['cache', withSettings({ kvType: null }), /made with `kvType` "f16", not null/],
  ['template', withSettings({ template: 'a' }), /made with another chat template/],
  ['source', { conditions: { ...conditions, source: 'big' } }, /sampled from local, not from big/],
  [
    'model',
    { conditions: { ...conditions, model: { ...conditions.model, layers: 3 } } },
    /another model \(.*layers 2, not 3/,
  ],
  ['name', { conditions: { ...conditions, model: { ...conditions.model, name: 'n' } } }, /another model \(m, not n\)/],
  ['task', { conditions: { ...conditions, task: 'line' } }, /it is of questions of a file, not of the task line/],
  ['seed', { seed: 8 }, /another seed than 8/],
  ['questions', { questions: [{ ...questions[0]!, answer: 'C' }] }, /answer of question a is A there and C here/],
])('another %s is refused, and --no-resume begins anew', (_, changes, message) => {
  const path = newPath()
  new TraceFile(path, options).add(record('a', 0, 10))
  expect(() => new TraceFile(path, { ...options, ...changes })).toThrow(InputError)
  expect(() => new TraceFile(path, { ...options, ...changes })).toThrow(message)
  expect(() => new TraceFile(path, { ...options, ...changes })).toThrow(/`resume: false`/)
  expect(new TraceFile(path, { ...options, ...changes, resume: false }).tally.sampled).toBe(0)
  expect(readdirSync(join(path, '..')).some((name) => name.includes('.until-'))).toBe(true)
})

function withSettings(settings: Partial<TraceRecord['settings']>): Partial<TraceFileOptions> {
  return { conditions: { ...options.conditions, settings: { ...options.conditions.settings, ...settings } } }
}

test('seeds differ between questions, samples and runs, and C takes them', () => {
  const seeds = ['a', 'b'].flatMap((id) =>
    [0, 1].flatMap((sample) => [0, 1].map((seed) => sampleSeed(seed, id, sample))),
  )
  expect(new Set(seeds).size).toBe(8)
  for (const seed of seeds) expect(seed).toBeLessThan(2 ** 32 - 1)
  expect(sampleSeed(7, 'a', 0)).toBe(sampleSeed(7, 'a', 0))
})
