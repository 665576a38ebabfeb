/**
 * Facts stated once, replayed on the embedded model, against what the engine says when it is asked in another way.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  Engine,
  identify,
  loadModel,
  makePlan,
  runEval,
  summarise,
  type EvalRecord,
  type EvictionEvent,
  type Model,
  type PlannedPoint,
} from 'dynts'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { recall } from '../../dist/evaluation/tasks/recall.js'
import type { TaskItem } from '../../src/evaluation/tasks/task.ts'

vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 })

const root = mkdtempSync(join(tmpdir(), 'dynts-recall-'))
const distances = [24, 160]
const budget = 128
const localWindow = 16
const ratio = 0.5
let model: Model
let engine: Engine
let items: readonly TaskItem[]
beforeAll(async () => {
  model = await loadModel('tiny', { threads: 1, gpu: 'off' })
  engine = await Engine.create(model, { cells: 512, sequences: 1 })
  items = (await recall.load({ distances, limit: 10, vocabulary: () => Promise.resolve(model) })).items
})
afterAll(async () => {
  await engine.close()
  await model.close()
  rmSync(root, { recursive: true })
})

const traceOf = ({ trace }: TaskItem) => {
  if (!trace?.fact) throw new Error('a fact to recall is a trace')
  return { ...trace, fact: trace.fact }
}

test('a trace states the fact, then so many tokens at most, and ends with its value', async () => {
  for (const item of items) {
    const { tokens, answerFrom, fact } = traceOf(item)
    const textOf = async (from: number, to: number) => (await model.detokenize(tokens.slice(from, to))).join('')
    expect((await textOf(fact.from, fact.to)).trim()).toMatch(new RegExp(`^[A-Z]\\w+ = ${item.expected}$`))
    expect((await textOf(answerFrom, tokens.length)).trim()).toBe(item.expected)
    const between = answerFrom - (fact.to - 1)
    expect(between).toBeLessThanOrEqual(fact.distance)
    // A sentence has no more than eight tokens here.
    expect(between).toBeGreaterThan(fact.distance - 8)
    expect(Math.abs(tokens.length - (160 + 64))).toBeLessThan(10)
  }
  expect(items.map(({ id }) => id)).toEqual(
    Array.from({ length: 10 }, (_, i) => `0-${distances[i % 2]}-${Math.floor(i / 2)}`),
  )
  const again = await recall.load({ distances, limit: 3, vocabulary: () => Promise.resolve(model) })
  expect(again.items).toEqual(items.slice(0, 3))
})

test('a distance that the context has no room for is left out, or refused with the largest that fits', async () => {
  const load = async (trainedContext: number, ...given: number[]) => {
    const some = given.length === 0 ? {} : { distances: given }
    return await recall.load({ ...some, limit: 8, trainedContext, vocabulary: () => Promise.resolve(model) })
  }
  const { items: fitting, source } = await load(300)
  expect(source).toBe('generated from seed 0, without distance 256, 512: the model was trained for 300 positions')
  expect(new Set(fitting.map((item) => traceOf(item).fact.distance))).toEqual(new Set([32, 64, 128]))
  const refused = await load(300, 64, 290).then(
    () => '',
    (error: unknown) => (error as Error).message,
  )
  const [, largest = ''] = /distance of 290 tokens .* fits is (\d+)\.$/.exec(refused) ?? []
  for (const item of (await load(300, Number(largest))).items) {
    const { promptTokens, tokens } = traceOf(item)
    expect(promptTokens.length + tokens.length).toBeLessThanOrEqual(300)
    expect(promptTokens.length + tokens.length).toBeGreaterThan(260)
  }
  await expect(load(300, Number(largest) + 1)).rejects.toThrow(/does not fit/)
  await expect(load(90)).rejects.toThrow(/none fits/)
})

/** How many cells of the fact are held when its value comes, when at each eviction the K oldest generated cells leave. */
function heldByAge(item: TaskItem): number {
  const { promptTokens, answerFrom, fact } = traceOf(item)
  const selection = budget - promptTokens.length - localWindow
  const leaving = selection - Math.min(Math.floor(ratio * selection), selection - 1)
  let oldest = 0
  // The pass over the last token before the value comes before what that token makes leave.
  for (let read = 1; read < answerFrom; read++) {
    if (promptTokens.length + read - oldest === budget) oldest += leaving
  }
  const held = Array.from({ length: fact.to - fact.from }, (_, i) => fact.from + i).filter((index) => index >= oldest)
  return held.length / (fact.to - fact.from)
}

test('what is recorded is what the engine says when it is asked in another way', async () => {
  const point = (policy: string): PlannedPoint => ({
    policy,
    ...(policy === 'full' ? { budget: null, localWindow: null, ratio: null } : { budget, localWindow, ratio }),
    policyOptions: {},
    policyHash: null,
  })
  const policies = ['full', 'question-window', 'random', 'dynts']
  const identity = await identify(model)
  const sampling = { temperature: 0.6, topP: 0.95, topK: 20 }
  const plan = makePlan({
    ...{ identity, seed: 1, kvType: 'f16', metrics: ['replay-loss'] },
    tasks: [
      {
        ...{ name: 'recall', source: 'here', items, sampling, maxTokens: 16, samples: 1 },
        points: policies.map(point),
      },
    ],
  })
  const grader = { grade: () => Promise.reject(new Error('nothing is graded')) }
  await runEval({
    ...{ model, plan, folder: root, identity, grader, resume: true, policyFiles: new Map(), versions: {} },
    parallel: () => 1,
  })
  const lines = readFileSync(join(root, 'records.jsonl'), 'utf8').trimEnd().split('\n')
  const records = lines.map((line) => JSON.parse(line) as EvalRecord)
  expect(records).toHaveLength(40)
  const seen = new Set<string>()
  for (const record of records) {
    const item = items.find(({ id }) => id === record.item)
    if (!item || record.kind !== 'replay' || !record.recall) throw new Error('every record is a recalled fact')
    const { promptTokens, tokens, answerFrom, fact } = traceOf(item)
    const { held, right, logprob, ...rest } = record.recall
    expect(rest).toEqual({ distance: fact.distance, tokensBetween: answerFrom - (fact.to - 1) })

    const evictions: EvictionEvent[] = []
    const bound = record.policy === 'full' ? {} : { budget, localWindow, ratio }
    const request = { prompt: { tokens: promptTokens }, policy: record.policy, seed: record.seed, ...bound }
    const generation = engine.generate({ ...request, replay: tokens })
    for await (const event of generation) if (event.type === 'eviction') evictions.push(event)
    const { logprobs = [] } = await generation.result
    const value = logprobs.slice(answerFrom)
    expect(logprob).toBeCloseTo(
      value.reduce((sum, one) => sum + one, 0),
      5,
    )
    expect(record.loss).toBeCloseTo(-logprob / value.length, 5)

    const last = evictions.findLast(({ step }) => step < answerFrom)
    const from = promptTokens.length + fact.from
    const to = promptTokens.length + fact.to
    const kept = last?.kept.filter((position) => position >= from && position < to).length
    const isYounger = !last || promptTokens.length + last.step < to
    if (!isYounger) expect(held).toBeCloseTo((kept ?? 0) / (to - from), 10)
    if (record.policy === 'full') expect(held).toBe(1)
    if (record.policy === 'question-window') expect(held).toBeCloseTo(heldByAge(item), 10)
    if (record.policy === 'question-window' && fact.distance === 160) expect(held).toBe(0)

    if (record.policy === 'full') {
      const before = [...promptTokens, ...tokens.slice(0, answerFrom)]
      const greedy = {
        prompt: { tokens: before },
        policy: 'full',
        maxTokens: value.length,
        sampling: { temperature: 0 },
      }
      const { tokens: told } = await engine.generate(greedy).result
      expect(right).toBe(told.slice(before.length).join() === tokens.slice(answerFrom).join())
    }
    // A token with more than half of the probability is the likeliest one.
    if (value.every((one) => one > Math.log(0.5))) expect(right).toBe(true)
    seen.add(`${record.policy} ${held > 0 && held < 1 ? 'part' : held} ${right}`)
  }
  // Otherwise the test has seen too little.
  expect([...seen]).toEqual(expect.arrayContaining(['full 1 true', 'question-window 0 false', 'random part true']))

  const [task] = (await summarise(root, { allowMissing: false, grader })).tasks
  for (const { policy, replay } of task?.configurations ?? []) {
    const own = records.flatMap((one) =>
      one.kind === 'replay' && one.policy === policy && one.recall ? [one.recall] : [],
    )
    for (const { distance, held, right, logprob, rightToFull } of replay?.recall ?? []) {
      const facts = own.filter((one) => one.distance === distance)
      const meanOf = (value: (one: (typeof facts)[number]) => number) =>
        facts.reduce((sum, one) => sum + value(one), 0) / facts.length
      expect(facts).toHaveLength(5)
      expect(right.items).toBe(5)
      expect(held.mean).toBeCloseTo(meanOf((one) => one.held))
      expect(right.mean).toBeCloseTo(meanOf((one) => Number(one.right)))
      expect(logprob.mean).toBeCloseTo(meanOf((one) => one.logprob))
      expect(rightToFull === null).toBe(policy === 'full')
    }
    expect(replay?.recall.map(({ distance }) => distance)).toEqual(distances)
  }
})
