/**
 * What the loop gives to a policy: every token once, entropy, attention, keys and values where they are
 * needed, and nothing of another
 * sequence.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { policySource } from '../eviction/policy-source.ts'
import { findPolicy, policyNames } from '../eviction/registry.ts'
import { fakeAttention, fakeLogits } from './forward-pass.fake.ts'
import { FakeLoop, runAlone } from './loop.fake.ts'
import type { GenerateRequest } from './types.ts'
import { tokens } from './vocabulary.fake.ts'

/** What a spy was given. */
interface Seen {
  readonly seed: number
  readonly steps: { position: number; token: number; entropy?: number; attention?: [number, number][] }[]
  /** Positions at each eviction, and the keys and values of each, oldest first. */
  readonly evictions: { held: number[]; keys: [number, number[]][]; values: [number, number[]][] }[]
}

const folder = mkdtempSync(join(tmpdir(), 'dynts-loop-'))
const spyFile = join(folder, 'spy.ts')
writeFileSync(
  spyFile,
  `import { definePolicy } from 'dynts'
  import { z } from 'zod'
  export default definePolicy({
    name: 'spy',
    needs: ['entropy', 'attention', 'keys', 'values'],
    options: z.object({ looksAt: z.int().default(1e9), failsAt: z.int().default(-1) }),
    queries: ({ looksAt }) => looksAt,
    protects: { question: false, localWindow: true, answer: false },
    create({ failsAt }, { seed }) {
      const seen = { seed, steps: [], evictions: [] }
      globalThis.spies.push(seen)
      const pairs = (a, b) => [...a].map((x, i) => [x, b[i]])
      return {
        observe({ position, token, entropy, attention }) {
          if (position === failsAt) throw new Error('that is enough')
          seen.steps.push({ position, token, entropy, ...(attention && { attention: pairs(attention.positions, attention.weights) }) })
        },
        score(candidates, { held, keys, values }) {
          const read = ({ positions, headSize, layers }) => {
            const rows = [...layers()][0]
            const pairs = [...positions].map((p, i) => [p, [...rows.slice(i * headSize, (i + 1) * headSize)]])
            return pairs.sort((a, b) => a[0] - b[0])
          }
          seen.evictions.push({ held: [...held], keys: read(keys), values: read(values) })
          return Float32Array.from(candidates, (p) => (p * 7) % 5)
        },
      }
    },
  })`,
)
afterAll(() => rmSync(folder, { recursive: true }))

const spies: Seen[] = []
Object.assign(globalThis, { spies })
beforeEach(() => void spies.splice(0))

const runs = fc.record({
  promptLength: fc.integer({ min: 1, max: 20 }),
  maxTokens: fc.integer({ min: 1, max: 60 }),
  looksAt: fc.constantFrom(1, 2, 5, 8, 12, 40, 1e9),
  ratio: fc.constantFrom(0, 0.4, 0.8),
  /** Steps of the loop before it arrives. */
  delay: fc.nat(5),
})
type Run = typeof runs extends fc.Arbitrary<infer T> ? T : never

function requestOf({ promptLength, maxTokens, looksAt, ratio }: Run, seed: number): GenerateRequest {
  const text = Array.from({ length: promptLength }, (_, i) => 4 + ((i + seed) % 20))
  const bound = { budget: 30, localWindow: 4, ratio }
  return { prompt: { tokens: text }, seed, maxTokens, policy: spyFile, policyOptions: { looksAt }, ...bound }
}

/** Entropy of what the fake model predicts for the token at `position`, as it is defined. */
function entropyAt(position: number, all: readonly number[]): number {
  const powers = [...fakeLogits(all[position - 1] ?? -1, position - 1)].map(Math.exp)
  const total = powers.reduce((a, b) => a + b, 0)
  return powers.reduce((sum, power) => sum - (power / total) * Math.log(power / total), 0)
}

function expectEntropies(seen: Seen, all: readonly number[], promptTokens: number): void {
  for (const { position, entropy } of seen.steps) {
    if (position < promptTokens) expect(entropy).toBeUndefined()
    else expect(entropy).toBeCloseTo(entropyAt(position, all), 8)
  }
}

function expectWhatIsDue(loop: FakeLoop, run: Run, seed: number): void {
  const seen = spies.find((spy) => spy.seed === seed)!
  const all = loop.result(seed).tokens
  const text = all.slice(0, -1)
  expect(seen.steps.map(({ position, token }) => [position, token])).toEqual(text.map((token, i) => [i, token]))

  expectEntropies(seen, all, run.promptLength)

  // Held cells at each step, and the steps within `looksAt` of an eviction, from what the events say.
  const evictions = loop.evictions(seed).map(({ step, kept }) => ({ at: run.promptLength + step - 1, kept }))
  const due = new Set(
    evictions.flatMap(({ at }) => text.map((_, i) => i).filter((i) => i <= at && i > at - run.looksAt)),
  )
  let held: number[] = []
  let evicted = 0
  for (const { position, attention } of seen.steps) {
    held.push(position)
    expect(attention !== undefined, `attention at ${position}`).toBe(due.has(position))
    if (attention) {
      const { positions, weights } = fakeAttention(position, held)
      expect(attention).toEqual([...positions].map((other, i) => [other, weights[i]]))
    }
    const eviction = evictions[evicted]
    if (eviction?.at !== position) continue
    expect(seen.evictions[evicted]).toEqual({
      held,
      keys: held.map((p) => [p, [p, 1]]),
      values: held.map((p) => [p, [text[p], 2]]),
    })
    held = [...eviction.kept]
    evicted++
  }
  expect(seen.evictions).toHaveLength(evictions.length)
}

describe('a policy', () => {
  test('is given every token once, and attention for exactly the queries that it looks at, in any batch', () => {
    let evictions = 0
    fc.assert(
      fc.property(
        fc.array(runs, { minLength: 1, maxLength: 7 }),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 8 }),
        (all, sequences, batch) => {
          spies.splice(0)
          const loop = new FakeLoop({ cells: 64, sequences: sequences, batchTokens: batch, attention: true })
          all.forEach((run, id) => {
            for (let i = 0; i < run.delay; i++) loop.step()
            loop.submit(id, requestOf(run, id))
          })
          loop.finish()
          all.forEach((run, id) => expectWhatIsDue(loop, run, id))
          evictions += spies.reduce((sum, spy) => sum + spy.evictions.length, 0)
        },
      ),
      { numRuns: 40 },
    )
    expect(evictions).toBeGreaterThan(50)
  })

  test('is given the entropy before any bias, of sampled, forced and replayed tokens, behind a copied prompt too', () => {
    const all = tokens('Q|a|b|c|d|<think>')
    const [banned, favoured] = [tokens('a')[0]!, tokens('b')[0]!]
    const request: GenerateRequest = {
      ...{ prompt: { tokens: all }, policy: spyFile, policyOptions: { looksAt: 1 }, seed: 3, maxTokens: 40 },
      ...{ budget: 20, localWindow: 4, ratio: 0.4, thinkingBudget: 12 },
      logitBias: [
        [banned, -100],
        [favoured, 3],
      ],
    }
    const loop = new FakeLoop({ attention: true })
    loop.submit(1, request).finish()
    const forced = tokens('</think>')[0]!
    expect(loop.generated(1)).toContain(forced)
    loop.submit(2, { ...request, logitBias: [] }).finish()
    expect(loop.result(2).usage.cachedPromptTokens).toBe(all.length - 1)
    const replay = loop.generated(1)
    loop.submit(3, { ...request, logitBias: [], replay }).finish()
    expect(spies).toHaveLength(3)
    for (const [i, seen] of spies.entries()) {
      const result = loop.result(i + 1)
      expect(seen.steps).toHaveLength(result.tokens.length - 1)
      expectEntropies(seen, result.tokens, all.length)
    }
    expect(spies[2]!.steps).toEqual(spies[0]!.steps)
  })

  test('entropy: the least open choices leave', () => {
    const bound = { budget: 24, localWindow: 4, ratio: 0.4 }
    const prompt = { tokens: tokens('Q|a|b') }
    const loop = runAlone({ prompt, policy: 'entropy', maxTokens: 60, seed: 2, ...bound })
    const all = loop.result(1).tokens
    let held = [0, 1, 2]
    for (const { step, kept } of loop.evictions(1)) {
      held = [...held, ...Array.from({ length: 2 + step - held.at(-1)! }, (_, i) => held.at(-1)! + 1 + i)]
      const candidates = held.slice(3, -4)
      const gone = held.filter((position) => !kept.includes(position))
      // K = 17 - floor(0.4 * 17): the lowest of those that may leave.
      const lowest = candidates.sort((a, b) => entropyAt(a, all) - entropyAt(b, all)).slice(0, 11)
      expect(gone).toEqual(lowest.sort((a, b) => a - b))
      held = [...kept]
    }
    expect(loop.evictions(1).length).toBeGreaterThan(2)
  })

  test('no attention is read where no eviction can follow', () => {
    const prompt = { tokens: tokens('Q|a|b') }
    const bound = { budget: 20, localWindow: 4, ratio: 0.4, policy: spyFile }
    // 3 + 17 cells with the 17th consumed token; the last token is not consumed.
    for (const [maxTokens, evictions] of [
      [17, 0],
      [18, 1],
    ] as const) {
      spies.splice(0)
      const loop = runAlone({ prompt, maxTokens, seed: 1, ...bound }, { attention: true })
      expect(loop.evictions(1)).toHaveLength(evictions)
      expect(spies[0]!.steps.filter(({ attention }) => attention)).toHaveLength(evictions * 20)
    }
  })

  test('one that fails ends its own sequence, with its name, and no other', () => {
    const loop = new FakeLoop({ sequences: 2, attention: true })
    const request = (seed: number, failsAt: number): GenerateRequest => {
      const bound = { budget: 20, localWindow: 4, ratio: 0.4 }
      return {
        prompt: { tokens: tokens('Q|a') },
        seed,
        maxTokens: 50,
        policy: spyFile,
        policyOptions: { failsAt },
        ...bound,
      }
    }
    loop.submit(0, request(0, -1)).submit(1, request(1, 30)).submit(2, request(2, 1)).submit(3, request(3, -1))
    loop.finish()
    for (const [id, where] of [
      [1, 'observe, position 30'],
      [2, 'observe, position 1'],
    ] as const) {
      expect(loop.of(id).error).toMatchObject({ name: 'InputError', code: 'policy_failed' })
      expect((loop.of(id).error as Error).message).toBe(`policy spy (${spyFile}) failed: ${where}: that is enough`)
    }
    expect(loop.generated(0)).toHaveLength(50)
    expect(loop.generated(3)).toHaveLength(50)
    expect(loop.forward.held.every((stream) => stream.size === 0)).toBe(true)
  })

  test('whose file is not the one that the run began with is refused', () => {
    const bound = { budget: 20, localWindow: 4, ratio: 0.4 }
    const request = { prompt: { tokens: tokens('Q|a') }, policy: spyFile, maxTokens: 5, ...bound }
    const { hash } = policySource(spyFile)
    expect(runAlone({ ...request, policyHash: hash }, { attention: true }).generated(1)).toHaveLength(5)
    expect(() => runAlone({ ...request, policyHash: hash.replace(/^./, 'x') }, { attention: true })).toThrow(
      expect.objectContaining({ name: 'InputError', code: 'policy_changed' }),
    )
  })

  test.each(policyNames().filter((name) => findPolicy(name).needs.has('attention')))(
    '%s is refused where attention is not read',
    (policy) => {
      const bound = { budget: 20, localWindow: 4, ratio: 0.4 }
      const request: GenerateRequest = { prompt: { tokens: tokens('Q|a') }, policy, maxTokens: 5, ...bound }
      expect(() => new FakeLoop().submit(1, request)).toThrow(
        expect.objectContaining({
          code: 'attention_not_read',
          message: expect.stringMatching(
            new RegExp(`^policy ${policy} needs .*Engine.create\\(model, \\{ attention: true \\}\\)$`),
          ) as string,
        }),
      )
    },
  )

  test.each(['knorm', 'sepllm', 'dynts', 'entropy'])('%s runs without attention', (policy) => {
    const bound = { budget: 20, localWindow: 4, ratio: 0.4 }
    const loop = runAlone({ prompt: { tokens: tokens('Q|a') }, policy, maxTokens: 50, ...bound })
    expect(loop.evictions(1).length).toBeGreaterThan(2)
  })
})

describe('what a request protects', () => {
  const bound = { budget: 24, localWindow: 4, ratio: 0.4 }
  const prompt = { tokens: tokens('Q|a|b|c|d') }
  const run = (request: Omit<GenerateRequest, 'prompt'>) =>
    runAlone({ prompt, maxTokens: 60, ...bound, ...request }, { attention: true, scripts: { 3: script } })
  /** Thinks for four tokens and answers at length. */
  const script = tokens(['<think>', 'a', 'b', 'c', 'd', '</think>', ...Array<string>(60).fill('a')].join('|'))
  const evicting = policyNames().filter((name) => findPolicy(name).evicts)

  test.each(evicting)('%s: its question never leaves', (policy) => {
    const protectedRun = run({ policy, protect: ['question'] })
    const evictions = protectedRun.evictions(1)
    expect(evictions.length).toBeGreaterThan(2)
    for (const { kept } of evictions) expect([...kept.subarray(0, 5)]).toEqual([0, 1, 2, 3, 4])
    const own = findPolicy(policy).protects({ sinks: 4 })
    const protect = own.question ? [] : ['question']
    expect(protectedRun.result(1).cache).toMatchObject({ policy, protect })
    expect(protectedRun.of(1).events[0]).toMatchObject({ type: 'start', policy, protect })
  })

  test('the answer leaves last, oldest first, and the result says degraded', () => {
    const request = { policy: 'h2o', seed: 3 } as const
    expect(run(request).result(1).cache).toMatchObject({ protect: [], degraded: false })
    const loop = run({ ...request, protect: ['answer', 'question'] })
    expect(loop.result(1).cache).toMatchObject({ protect: ['answer', 'question'], degraded: true })
    // All thinking has left; then of the answer the oldest.
    const last = loop.evictions(1).at(-1)!
    const kept = [...last.kept]
    const answer = kept.filter((position) => position >= 5)
    expect(answer).toEqual(Array.from({ length: answer.length }, (_, i) => answer[0]! + i))
  })

  test('the notation in the name of the policy means the same', () => {
    const once = run({ policy: 'h2o', protect: ['question'] }).result(1)
    const again = run({ policy: 'h2o+question' }).result(1)
    expect(again).toEqual({ ...once, timing: again.timing })
  })

  test('nothing takes effect under full', () => {
    expect(run({ policy: 'full', protect: ['question'] }).result(1).cache.protect).toEqual([])
  })

  test.each([['thinking'], ['questoin'], [null], [['question']]])('%j cannot be protected', (part) => {
    expect(() => run({ protect: [part] as never })).toThrow(
      expect.objectContaining({ name: 'InputError', code: 'invalid_protect' }),
    )
  })
})
