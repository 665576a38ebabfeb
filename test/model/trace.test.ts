/**
 * Sampling traces with the embedded model, and taking over those of another server.
 */
import { EventEmitter, once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  loadModel,
  RemoteExecutor,
  sampleTraces,
  type KeptTrace,
  type Model,
  type SampleTracesOptions,
  type TraceRecord,
} from 'dynts'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { generateChainProblem } from '../../src/evaluation/chain-problem.ts'
import { readRecords } from '../../src/records/read-records.ts'
import { traceFailuresPath } from '../../src/traces/trace-failure.ts'
import { traceRecords } from '../../src/traces/trace-record.ts'
import { importanceOracle } from '../oracle.ts'
import { OpenAiServer, type Style } from '../support/openai-server.ts'
import { tagsOf } from '../../src/llama/thinking-tags.ts'

const folder = mkdtempSync(join(tmpdir(), 'dynts-trace-'))
const questions = [1, 2].map((seed, index) => {
  const { question, answer } = generateChainProblem(seed, { people: 3 })
  return { id: `p${seed}`, question, answer, index }
})
/** Compares texts: the answers are numbers as the model writes them. */
const grader = { grade: (given: string, expected: string) => Promise.resolve({ right: given === expected }) }
let output = ''
let files = 0
beforeEach(() => {
  output = join(folder, `${files++}.jsonl`)
})
afterAll(() => rmSync(folder, { recursive: true }))

const base = {
  questions,
  samples: 2,
  sampling: { temperature: 0.6, topP: 0.95, topK: 20, minP: 0 },
  maxTokens: 400,
  maxLength: 1000,
  instruction: '\nThink.',
  parallel: 1,
  seed: 3,
  resume: true,
  kvType: 'f16' as const,
  grader,
}
const records = (): TraceRecord[] => [...readRecords(output, traceRecords)]
const isKept = (record: TraceRecord): record is KeptTrace => record.outcome === 'kept'

describe('the model here', () => {
  let model: Model
  beforeAll(async () => {
    model = await loadModel('tiny', { predictor: false, threads: 1, gpu: 'off' })
  })
  afterAll(() => model.close())
  const run = (changes: Partial<SampleTracesOptions> = {}) => sampleTraces({ ...base, model, output, ...changes })

  test('gives a record for each sample, with tokens whose parts are where it says', async () => {
    const plans: number[] = []
    const progress: number[] = []
    const summary = await run({
      onPlan: ({ allocatedCells }, sequences) => plans.push(allocatedCells, sequences),
      onProgress: ({ done, total }) => progress.push(done / total),
    })
    const all = records()
    expect(all.map(({ id }) => id)).toEqual(['p1#0', 'p1#1', 'p2#0', 'p2#1'])
    const kept = all.filter(isKept)
    expect(kept.length).toBeGreaterThan(1)
    for (const { question, tokens, promptTokens, thinkStart, thinkEnd, answerStart, ...record } of kept) {
      const { question: content, answer } = questions.find(({ id }) => id === question)!
      // No instruction behind the embedded model's own problems.
      const messages = [{ role: 'user' as const, content }]
      const completion = tokens.slice(promptTokens)
      const layout = await model.layout({ prompt: { messages }, completion })
      expect(layout).toMatchObject({ promptTokens, thinkStart, thinkEnd, answerStart, thinkingParts: 1 })
      expect([...layout.tokens]).toEqual(tokens)
      expect(layout.answer).toContain(`\\boxed{${answer}}`)
      expect(record.thinkingTokens + record.answerTokens).toBe(tokens.length - thinkStart - 1)
      expect(record).toMatchObject({ source: 'local', answer, expected: answer })
    }
    const mean = kept.reduce((sum, { thinkingTokens }) => sum + thinkingTokens, 0) / kept.length
    expect(summary).toMatchObject({ total: 4, sampled: 4, sampledNow: 4, kept: kept.length, interrupted: false })
    expect(summary.meanThinkingTokens).toBeCloseTo(mean)
    expect(plans).toEqual([512, 1])
    expect(progress.at(-1)).toBe(1)
  })

  test('goes on where a run was stopped, as if it had not been', async () => {
    await run()
    const whole = records()
    const unbroken = output
    output = join(folder, `${files++}.jsonl`)
    const stop = new AbortController()
    const stopped = await run({ signal: stop.signal, onProgress: ({ done }) => done === 2 && stop.abort() })
    expect(stopped).toMatchObject({ interrupted: true, sampled: 2 })
    expect(await run()).toMatchObject({ interrupted: false, sampled: 4, sampledNow: 2 })
    expect(output).not.toBe(unbroken)
    const strip = (all: TraceRecord[]) => all.map((record) => ({ ...record, at: '' }))
    expect(strip(records())).toEqual(strip(whole))
  })

  test('records in the order of the samples, however long the grader takes', async () => {
    const slow = {
      grade: async (given: string, expected: string) => {
        if (expected === questions[0]!.answer) await sleep(1000)
        return await grader.grade(given, expected)
      },
    }
    await run({ samples: 1, grader: slow })
    expect(records().map(({ id }) => id)).toEqual(['p1#0', 'p2#0'])
  })

  test('several at a time, and more questions later', async () => {
    await run({ parallel: 3, questions: questions.slice(0, 1), samples: 3 })
    expect(await run({ parallel: 3, samples: 3 })).toMatchObject({ total: 6, sampled: 6, sampledNow: 3 })
    const ids = questions.flatMap(({ id }) => [0, 1, 2].map((sample) => `${id}#${sample}`))
    expect(
      records()
        .map(({ id }) => id)
        .sort(),
    ).toEqual(ids)
    expect(new Set(records().map(({ seed }) => seed)).size).toBe(6)
  })

  test('drops what is cut off, and what is too long, before it is generated if need be', async () => {
    await run({ maxTokens: 20, samples: 1 })
    expect(records().map(({ outcome }) => outcome)).toEqual(['truncated', 'truncated'])
    output = join(folder, `${files++}.jsonl`)
    await run({ maxLength: 90, samples: 1 })
    expect(records().map(({ outcome }) => outcome)).toEqual(['too-long', 'too-long'])
    const [first] = records()
    // One token above the limit was generated, and no more.
    expect(first!.thinkingTokens).toBeGreaterThan(0)
    expect(first!.thinkingTokens).toBeLessThan(90)
    output = join(folder, `${files++}.jsonl`)
    expect(await run({ maxLength: 10, samples: 1 })).toMatchObject({ kept: 0, dropped: { 'too-long': 2 } })
    expect(records()[0]!.thinkingTokens).toBe(0)
  })

  test('other settings than those of the file are refused', async () => {
    await run({ maxTokens: 5, samples: 1 })
    await expect(run({ maxTokens: 6 })).rejects.toMatchObject({ code: 'traces_differ' })
    await expect(run({ maxTokens: 5, seed: 4 })).rejects.toThrow(/another seed than 4/)
  })
})

describe('another server', () => {
  let model: Model
  let server: OpenAiServer
  beforeAll(async () => {
    model = await loadModel('tiny', { vocabularyOnly: true, gpu: 'off' })
    server = await OpenAiServer.start()
  })
  afterAll(async () => {
    await model.close()
    await server.stop()
  })

  test('a prompt that it refuses costs that sample only, and is asked for again; too many end the run', async () => {
    const tags = tagsOf({ open: '<think>', close: '</think>' })
    const connect = () => RemoteExecutor.connect({ url: server.url, parallel: 1, timeoutMs: 60_000, retries: 0, tags })
    let isMended = false
    server.reply = ({ messages }) =>
      messages[0]!.content === questions[0]!.question && !isMended
        ? { kind: 'status', status: 400, message: 'this prompt is not for me' }
        : { kind: 'ok' }
    const notes: string[] = []
    const run = async (more: Partial<SampleTracesOptions> = {}) =>
      await sampleTraces({
        ...base,
        ...{ model, executor: await connect(), output, onNote: (text: string) => notes.push(text), ...more },
      })
    expect(await run()).toMatchObject({ total: 4, sampled: 2, failedNow: 2, interrupted: false })
    expect(records().map(({ question }) => question)).toEqual(['p2', 'p2'])
    expect(notes[0]).toMatch(/^sample p1#0 failed: .*status 400: this prompt is not for me\.$/)
    const log = readFileSync(traceFailuresPath(output), 'utf8').trimEnd().split('\n')
    expect(log.map((line) => JSON.parse(line) as unknown)).toMatchObject([{ key: 'p1#0' }, { key: 'p1#1' }])

    // The last of them and what is left.
    const ended = run({ samples: 4, maxFailures: 2 })
    await expect(ended).rejects.toThrow(/this prompt is not for me\. 2 of 8 samples are recorded in /)
    isMended = true
    expect(await run()).toMatchObject({ sampled: 4, sampledNow: 2, failedNow: 0 })
  })

  test('its text becomes the tokens that the model itself has generated', async () => {
    const styles: Style[] = ['reasoning_content', 'reasoning', 'both', 'tags', 'closing-tag']
    const traces = importanceOracle().traces.slice(0, 10)
    const asked = traces.map(({ id, prompt, completion }, index) => {
      const question = /<\|user\|>([^]*?)<\|assistant\|>/.exec(prompt)![1]!.trim()
      const answer = /\\boxed\{(\d+)\}/.exec(completion)![1]!
      return { id: String(id), question, answer, index }
    })
    // The first three answers wait for each other: nothing but three requests at the same time can go on.
    const third = new EventEmitter()
    const after = once(third, 'there')
    let requests = 0
    server.reply = ({ messages }) => {
      const i = requests++
      if (i === 2) third.emit('there')
      const trace = asked.findIndex(({ question }) => question === messages[0]!.content)
      const style = styles[i % styles.length]!
      const [thinking = '', rest = ''] = traces[trace]!.completion.split('</think>')
      return { kind: 'ok', style, thinking, answer: rest.replace('<|endoftext|>', ''), after }
    }
    const tags = tagsOf({ open: '<think>', close: '</think>' })
    const executor = await RemoteExecutor.connect({ url: server.url, parallel: 3, timeoutMs: 60_000, retries: 0, tags })
    const summary = await sampleTraces({ ...base, model, executor, questions: asked, samples: 1, output })
    expect(summary).toMatchObject({ sampled: 10, kept: 10 })
    expect(server.mostAtOnce).toBe(3)
    for (const record of records()) {
      if (!isKept(record)) throw new Error(`${record.id} was dropped`)
      const oracle = traces.find(({ id }) => String(id) === record.question)!
      expect(record).toMatchObject({ source: 'solver', thinkEnd: oracle.thinkEnd, promptTokens: oracle.promptTokens })
      expect(record.tokens).toEqual(oracle.tokens)
      expect(record.settings.kvType).toBeNull()
    }
    let closed = 0
    const unused = {
      endpointModel: 'solver',
      parallel: 1,
      execute: () => Promise.reject(new Error('nothing is left to be sampled')),
      close: () => {
        closed++
        return Promise.resolve()
      },
    }
    const again = await sampleTraces({ ...base, model, executor: unused, questions: asked, samples: 1, output })
    expect(again).toMatchObject({ sampled: 10, sampledNow: 0 })
    expect(closed).toBe(1)
  })
})
