/**
 * Evaluation runs of the library on the embedded model: replay loss against the oracle, and that one sequence at a time gives
 * the same records again, interrupted or not.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  identify,
  loadModel,
  makePlan,
  runEval,
  summarise,
  type EvalPlan,
  type EvalRecord,
  type Model,
  type PlannedPoint,
  type PlanOptions,
  type RunEvalOptions,
} from 'dynts'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { EvalEngine } from '../../dist/evaluation/run/eval-engine.js'
import { itemSeed } from '../../dist/evaluation/run/eval-job.js'
import { plannedGroups } from '../../dist/evaluation/run/eval-plan.js'
import { summaryText } from '../../dist/evaluation/run/summary-tables.js'
import { policySource } from '../../dist/eviction/policy-source.js'
import { generateChainProblem } from '../../src/evaluation/chain-problem.ts'
import { importanceOracle, replayOracle, tinyF32, oraclePredictor } from '../oracle.ts'

let identity: PlanOptions['identity']
let model: Model
const root = mkdtempSync(join(tmpdir(), 'dynts-eval-'))
beforeAll(async () => {
  model = await loadModel(tinyF32, { predictor: oraclePredictor, threads: 1, gpu: 'off' })
  identity = await identify(model)
})
afterAll(async () => {
  await model.close()
  rmSync(root, { recursive: true })
})

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
const sampling = { temperature: 0.6, topP: 0.95, topK: 20 }
const point = (policy: string, budget = 256): PlannedPoint => ({
  policy,
  ...(policy === 'full' ? { budget: null, localWindow: null, ratio: null } : { budget, localWindow: 32, ratio: 0.5 }),
  policyOptions: {},
  policyHash: null,
})

const noGrader = { grade: () => Promise.reject(new Error('chain problems need no grader')) }

function run(folder: string, plan: EvalPlan, more: Partial<RunEvalOptions> = {}) {
  return runEval({
    ...{ model, plan, folder, identity, grader: noGrader, resume: true, policyFiles: new Map(), versions: {} },
    parallel: () => 1,
    ...more,
  })
}

const recordsPath = (folder: string) => join(folder, 'records.jsonl')

function recordsOf(folder: string): EvalRecord[] {
  const lines = readFileSync(recordsPath(folder), 'utf8').trimEnd().split('\n')
  return lines.map((line) => JSON.parse(line) as EvalRecord)
}

test('the replay loss is the oracle’s (float32 model and cache)', async () => {
  const policies = ['full', 'dynts', 'question-window', 'h2o', 'r-kv']
  const oracle = replayOracle().filter(({ trace, budget }) => trace === 'test-39' && budget === 256)
  const trace = importanceOracle().traces.find(({ id }) => String(id) === 'test-39')!
  const prompt = /^<\|user\|>(.*)<\|assistant\|><think>\n$/s.exec(trace.prompt)![1]!
  const planOf = (metrics: PlanOptions['metrics'], points: readonly PlannedPoint[]) =>
    makePlan({
      ...{ identity, seed: 1, kvType: 'f32', metrics },
      tasks: [
        {
          ...{ name: 'chain', source: 'oracle', sampling, maxTokens: 16, samples: 1, points },
          items: [{ id: 'test-39', index: 0, prompt, expected: '', kind: 'chain' }],
        },
      ],
    })
  const folder = join(root, 'oracle')
  await run(folder, planOf(['pass'], [point('full')]))
  // The full cache's sample becomes the oracle's trace.
  const [sampled] = recordsOf(folder)
  const tokens = trace.tokens.slice(trace.promptTokens)
  writeFileSync(recordsPath(folder), `${JSON.stringify({ ...sampled, tokens, right: true, truncated: false })}\n`)
  const replays = planOf(
    ['replay-loss'],
    policies.map((policy) => point(policy)),
  )
  expect(await run(folder, replays)).toMatchObject({ total: 6, done: 6, recordedNow: 5 })
  for (const record of recordsOf(folder).filter(({ kind }) => kind === 'replay')) {
    const expected = oracle.find(({ policy }) => policy === record.policy)!
    expect(record.kind === 'replay' && record.loss).toBeCloseTo(expected.answerNll, 3)
    expect(record.evictions).toBe(expected.events.length)
  }
})

test('given traces: nothing is sampled, and the replay loss is the oracle’s', async () => {
  const budget = 256
  const policies = ['full', 'dynts', 'question-window', 'r-kv']
  const names = ['test-39', 'test-0'].filter((id) => replayOracle().some(({ trace }) => trace === id))
  const items = names.map((id, index) => {
    const { tokens, promptTokens, thinkEnd } = importanceOracle().traces.find((trace) => String(trace.id) === id)!
    const trace = {
      promptTokens: tokens.slice(0, promptTokens),
      tokens: tokens.slice(promptTokens),
      answerFrom: thinkEnd + 1 - promptTokens,
    }
    return { id, index, prompt: `tokens ${id}`, expected: '', kind: 'math' as const, trace }
  })
  const planOf = (metrics: PlanOptions['metrics'], samples = 1) =>
    makePlan({
      ...{ identity, seed: 1, kvType: 'f32', metrics },
      tasks: [
        {
          ...{ name: 'traces', source: 'oracle', sampling, maxTokens: 16, samples, items },
          points: policies.map((policy) => point(policy, budget)),
        },
      ],
    })
  expect(() => planOf(['pass', 'replay-loss'])).toThrow(/can only be replayed/)
  expect(() => planOf(['replay-loss'], 2)).toThrow(/once each/)
  const folder = join(root, 'given')
  const total = policies.length * items.length
  expect(await run(folder, planOf(['replay-loss']))).toMatchObject({ total, done: total, recordedNow: total })
  expect(await run(folder, planOf(['replay-loss']))).toMatchObject({ total, done: total, recordedNow: 0 })
  const records = recordsOf(folder)
  expect(new Set(records.map(({ kind }) => kind))).toEqual(new Set(['replay']))
  for (const record of records) {
    const expected = replayOracle().find(
      (one) => one.trace === record.item && one.policy === record.policy && one.budget === budget,
    )
    if (!expected) continue
    expect(record.kind === 'replay' && record.loss).toBeCloseTo(expected.answerNll, 3)
    expect(record.evictions).toBe(expected.events.length)
  }
  const summary = await summarise(folder, { allowMissing: false, grader: noGrader })
  const { configurations } = summary.tasks[0]!
  expect(configurations.map(({ policy, sampling, missing }) => ({ policy, sampling, missing }))).toEqual(
    policies.map((policy) => ({ policy, sampling: null, missing: 0 })),
  )
  expect(configurations[1]!.replay).toMatchObject({ traces: items.length })
  expect(configurations[1]!.replay!.meanCells).toBeLessThanOrEqual(budget)
  expect(summaryText(summary)).toContain('mean cells | replay loss')
  expect(summaryText(summary)).not.toContain('temperature')
})

describe('one sequence at a time', () => {
  const items = [1, 2, 3].map((seed, index) => {
    const { question, answer } = generateChainProblem(seed, { people: 4 })
    return { id: `p${seed}`, index, prompt: question, expected: answer, kind: 'chain' as const }
  })
  const planOf = (metrics: PlanOptions['metrics'], policies: readonly string[]) =>
    makePlan({
      ...{ identity, seed: 5, kvType: 'f16', metrics },
      tasks: [
        {
          ...{ name: 'chain', source: 'here', items, sampling, maxTokens: 300, samples: 1 },
          points: policies.map((policy) => point(policy, 112)),
        },
      ],
    })
  const compared = (folder: string) =>
    recordsOf(folder).map((record) => ({ ...record, wallMs: 0, forwardMs: 0, evictionMs: 0, at: '' }))

  test('gives the same records again, in the same order, interrupted or not', { timeout: 300_000 }, async () => {
    const plan = planOf(['pass', 'replay-loss'], ['full', 'dynts', 'tova'])
    const [once, again, broken] = ['once', 'again', 'broken'].map((name) => join(root, name))
    const whole = await run(once!, plan)
    expect(whole).toMatchObject({ done: whole.total, interrupted: false })
    const records = recordsOf(once!)
    expect(records.map(({ kind, policy }) => `${kind} ${policy}`).slice(0, 9)).toEqual(
      ['full', 'dynts', 'tova'].flatMap((policy) => Array<string>(3).fill(`sample ${policy}`)),
    )
    expect(records.filter(({ kind }) => kind === 'replay').length).toBeGreaterThan(0)
    expect(Math.max(...records.filter(({ policy }) => policy !== 'full').map(({ peakCells }) => peakCells))).toBe(112)

    await run(again!, plan)
    expect(compared(again!)).toEqual(compared(once!))

    // Stopped in the middle of a generation, three times.
    for (const at of [60, 300, 500]) {
      const stop = new AbortController()
      const onProgress = ({ tokens }: { tokens: number }) => tokens >= at && stop.abort()
      const stopped = await run(broken!, plan, { signal: stop.signal, onProgress })
      expect(stopped).toMatchObject({ interrupted: true })
    }
    await run(broken!, plan)
    expect(compared(broken!)).toEqual(compared(once!))
  })

  test('the sum of the wall times is that of the batch', async () => {
    const start = performance.now()
    const folder = join(root, 'wall')
    await run(folder, planOf(['pass'], ['full']))
    const elapsed = performance.now() - start
    const records = recordsOf(folder)
    const wall = sum(records.map(({ wallMs }) => wallMs))
    expect(wall).toBeLessThanOrEqual(elapsed)
    for (const { forwardMs } of records) expect(forwardMs).toBeGreaterThan(0)
    // Of the sums only: the next sequence may begin before this thread hears of the end of the last one.
    expect(sum(records.map(({ forwardMs }) => forwardMs))).toBeLessThan(wall)
  })
})

test('a run closes every engine that it opens', async () => {
  const { question, answer } = generateChainProblem(1, { people: 4 })
  const items = [{ id: 'p', index: 0, prompt: question, expected: answer, kind: 'chain' as const }]
  const points = [point('full'), point('window', 160)]
  const task = { name: 'chain', source: 'here', items, sampling, maxTokens: 5, samples: 1, points }
  const opened = vi.spyOn(EvalEngine, 'open')
  const closed = vi.spyOn(EvalEngine.prototype, 'close')
  await run(join(root, 'closed'), makePlan({ identity, seed: 5, kvType: 'f16', metrics: ['pass'], tasks: [task] }))
  expect([opened, closed].map(({ mock }) => mock.calls.length)).toEqual([2, 2])
  vi.restoreAllMocks()
})

test('what is protected additionally is in the record, and stays in the cache', async () => {
  const { question, answer } = generateChainProblem(1, { people: 8 })
  const items = [{ id: 'p', index: 0, prompt: question, expected: answer, kind: 'chain' as const }]
  const points = [
    point('window', 160),
    { ...point('window', 160), protect: ['question' as const] },
    point('question-window', 160),
  ]
  const task = { name: 'chain', source: 'here', items, sampling, maxTokens: 300, samples: 1, points }
  const folder = join(root, 'protected')
  await run(folder, makePlan({ identity, seed: 5, kvType: 'f16', metrics: ['pass'], tasks: [task] }))
  const [window, protectedWindow, questionWindow] = recordsOf(folder)
  expect([window, protectedWindow].map((record) => record!.protect)).toEqual([[], ['question']])
  const measured = ({ kind, ...record }: EvalRecord) => ({
    ...record,
    policy: '',
    protect: [],
    wallMs: 0,
    forwardMs: 0,
    evictionMs: 0,
    at: '',
    kind,
  })
  expect(measured(protectedWindow!)).toEqual(measured(questionWindow!))
  expect(protectedWindow!.evictions).toBeGreaterThan(0)
  expect(measured(window!)).not.toEqual(measured(questionWindow!))
})

test('time without work is in no record', async () => {
  const { question, answer } = generateChainProblem(1, { people: 4 })
  const items = [{ id: 'p', index: 0, prompt: question, expected: answer, kind: 'chain' as const }]
  const task = { name: 'chain', source: 'here', items, sampling, maxTokens: 5, samples: 2, points: [point('full')] }
  const plan = makePlan({ identity, seed: 5, kvType: 'f16', metrics: ['pass'], tasks: [task] })
  const jobs = plannedGroups(plan).flatMap((group) => group.jobs)
  const setting = { model, identity, grader: noGrader, policyFiles: new Map<string, string>(), versions: {} }
  const engine = await EvalEngine.open(setting, { cells: 256, attention: false }, { sequences: 1, kvType: 'f16' })
  try {
    for (const job of jobs) {
      await sleep(20)
      const start = performance.now()
      const signal = new AbortController().signal
      const outcome = await engine.execute({ ...job, kind: 'sample' }, { signal })
      const { wallMs } = await (outcome?.kind === 'done' ? outcome.result() : Promise.reject(new Error(outcome?.kind)))
      expect(wallMs).toBeLessThanOrEqual(performance.now() - start)
    }
  } finally {
    await engine.close()
  }
})

describe('a policy of a user that fails', () => {
  const items = Array.from({ length: 10 }, (_, index) => {
    const { question, answer } = generateChainProblem(index + 1, { people: 4 })
    return { id: `p${index}`, index, prompt: question, expected: answer, kind: 'chain' as const }
  })
  const seedOf = (item: string) => itemSeed(5, 'chain', item, 0)
  const switchFile = join(root, 'how-it-fails')
  const path = join(root, 'mine.mjs')
  beforeAll(() => {
    writeFileSync(
      path,
      `import { readFileSync } from 'node:fs'
      export default {
        name: 'mine',
        create: (_, { seed }) => ({
          score: (candidates) => {
            const { how, seeds } = JSON.parse(readFileSync(${JSON.stringify(switchFile)}, 'utf8'))
            if (how === 'throws' && seeds.includes(seed)) throw new Error('no such cell')
            return Float32Array.from(candidates, (p) => (how === 'NaN' && seeds.includes(seed) ? NaN : -p))
          },
        }),
      }`,
    )
  })
  const fails = (how: string, ...ids: string[]) =>
    writeFileSync(switchFile, JSON.stringify({ how, seeds: ids.map(seedOf) }))
  const mine = () => ({ ...point('mine.mjs', 96), policyHash: policySource(path).hash })
  const runMine = (folder: string, more: Partial<RunEvalOptions> = {}) => {
    const points = [point('full'), mine(), point('window', 96)]
    const task = { name: 'chain', source: 'here', items, sampling, maxTokens: 60, samples: 1, points }
    const plan = makePlan({ identity, seed: 5, kvType: 'f16', metrics: ['pass'], tasks: [task] })
    return run(folder, plan, { policyFiles: new Map([['mine.mjs', path]]), ...more })
  }
  const summaryOf = (folder: string) => summarise(folder, { allowMissing: false, grader: noGrader })

  test.each([
    ['throws', /score: no such cell/],
    ['NaN', /the score of position \d+ is NaN/],
  ])('in one sample of ten (%s) leaves the grid complete but for that sample, and it is said', async (how, reason) => {
    const folder = join(root, `fails-${how}`)
    fails(how, 'p3')
    const notes: string[] = []
    const first = await runMine(folder, { onNote: (text) => notes.push(text) })
    expect(first).toMatchObject({ total: 30, done: 29, failedNow: 1, skippedNow: 0, interrupted: false })
    const own = recordsOf(folder).filter(({ policy }) => policy === 'mine.mjs')
    expect(own.map(({ item }) => item)).toEqual(items.map(({ id }) => id).filter((id) => id !== 'p3'))
    expect(notes.join()).toMatch(/^chain p3 sample 0 under mine\.mjs failed: policy mine /)
    const summary = await summaryOf(folder)
    expect(summary).toMatchObject({ failed: 1, missing: 0 })
    const [full, failed, window] = summary.tasks[0]!.configurations
    expect(failed).toMatchObject({
      failures: [
        { jobs: 1, example: 'chain p3 sample 0 under mine.mjs', reason: expect.stringMatching(reason) as string },
      ],
      sampling: { samples: 9, pass1: { items: 9 } },
    })
    for (const other of [full, window]) expect(other).toMatchObject({ failures: [], sampling: { samples: 10 } })
    expect(summaryText(summary)).toMatch(/^1 of 30 planned samples failed\.$/m)

    // Tried again it fails again, and then does not: the success takes the failure's place.
    expect(await runMine(folder)).toMatchObject({ done: 29, recordedNow: 0, failedNow: 1 })
    fails('does not')
    expect(await runMine(folder)).toMatchObject({ done: 30, recordedNow: 1, failedNow: 0 })
    expect(await summaryOf(folder)).toMatchObject({ failed: 0, missing: 0 })
  })

  test('in too many samples is left, and the other configurations are not', async () => {
    const folder = join(root, 'fails-often')
    fails('throws', ...items.map(({ id }) => id))
    const ran = await runMine(folder, { maxFailures: 3 })
    expect(ran).toMatchObject({ total: 30, failedNow: 3, interrupted: false })
    // A sample that ends before any eviction never meets the failure.
    expect(ran.skippedNow).toBeGreaterThan(1)
    expect(ran.done).toBe(27 - ran.skippedNow)
    await expect(summaryOf(folder)).rejects.toThrow(/lacks \d of the planned samples \(chain mine\.mjs [^,]*\)/)
    const { tasks } = await summarise(folder, { allowMissing: true, grader: noGrader })
    const [full, failed, window] = tasks[0]!.configurations
    expect(failed).toMatchObject({ missing: ran.skippedNow, failures: [{ jobs: 3 }] })
    for (const other of [full, window]) expect(other).toMatchObject({ missing: 0, sampling: { samples: 10 } })
  })
})

describe('refusals', () => {
  const items = [16, 3].map((people, index) => {
    const { question, answer } = generateChainProblem(1, { people })
    return { id: `p${people}`, index, prompt: question, expected: answer, kind: 'chain' as const }
  })
  const planOf = (of: typeof items, points: readonly PlannedPoint[] = [point('window', 90)]) =>
    makePlan({
      ...{ identity, seed: 5, kvType: 'f16', metrics: ['pass'] },
      tasks: [
        {
          name: 'chain',
          source: 'here',
          items: of,
          sampling,
          maxTokens: 20,
          samples: 1,
          points,
        },
      ],
    })

  test('a prompt that does not fit is recorded as wrong; settings under which none fits are bad input', async () => {
    const folder = join(root, 'refused')
    expect(await run(folder, planOf(items))).toMatchObject({ done: 2, refusedNow: 1 })
    expect(recordsOf(folder)[0]).toMatchObject({ item: 'p16', right: false, graded: 'refused', generatedTokens: 0 })
    await expect(run(join(root, 'none'), planOf(items.slice(0, 1)))).rejects.toThrow(/Policy window: A prompt of/)
  })

  test('a shard that has only such prompts is carried out like any other', async () => {
    const plan = planOf(items)
    const counts = []
    for (let index = 1; index <= 8; index++) {
      const { total, done, refusedNow } = await run(join(root, `shard-${index}`), plan, { shard: { index, count: 8 } })
      counts.push({ total, done, refusedNow })
    }
    expect(counts).toContainEqual({ total: 1, done: 1, refusedNow: 1 })
    expect(counts).toContainEqual({ total: 1, done: 1, refusedNow: 0 })
  })

  test('so is a prompt beside which a policy protects too many cells', async () => {
    // The shorter the prompt, the more cells leave at an eviction, and 78 sinks leave eleven that may.
    const plan = planOf(items.slice(1), [{ ...point('streaming-llm', 90), policyOptions: { sinks: 78 } }])
    await expect(run(join(root, 'sinks'), plan)).rejects.toThrow(/protects too many cells/)
    const first = plan.tasks[0]!.items[0]!
    const longer = {
      id: 'longer',
      index: 1,
      prompt: `${first.prompt} ${first.prompt.slice(0, first.prompt.length / 2)}`,
      expected: '',
    }
    const both = planOf(
      [...items.slice(1), { ...longer, kind: 'chain' as const }],
      [{ ...point('streaming-llm', 90), policyOptions: { sinks: 78 } }],
    )
    const folder = join(root, 'fewer-sinks')
    expect(await run(folder, both)).toMatchObject({ done: 2, refusedNow: 1 })
    expect(recordsOf(folder)[0]).toMatchObject({ item: 'p3', graded: 'refused' })
  })
})
