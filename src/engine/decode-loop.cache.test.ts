import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { policyNames } from '../eviction/registry.ts'
import { fakeHiddenState, fakeImportance } from './forward-pass.fake.ts'
import { FakeLoop, runAlone } from './loop.fake.ts'
import type { GenerateRequest } from './types.ts'
import { closeTag, openTag, token, tokens } from './vocabulary.fake.ts'

const policies = policyNames().filter((name) => name !== 'full')
const bounds = fc.record({
  policy: fc.constantFrom(...policies),
  promptLength: fc.integer({ min: 4, max: 12 }),
  localWindow: fc.integer({ min: 1, max: 8 }),
  selectionWindow: fc.integer({ min: 1, max: 20 }),
  ratio: fc.constantFrom(0, 0.2, 0.4, 0.5, 0.9, 1),
  /** Generated tokens before the closing tag. */
  thinking: fc.nat(80),
  answer: fc.nat(60),
  seed: fc.integer({ min: 1, max: 99 }),
})
type Bounds = typeof bounds extends fc.Arbitrary<infer T> ? T : never

function requestOf({ policy, promptLength, localWindow, selectionWindow, ratio, thinking, answer, seed }: Bounds) {
  const question = Array.from({ length: promptLength - 1 }, (_, i) => 11 + (i % 4))
  const script = [
    ...Array.from({ length: thinking }, (_, i) => 11 + ((i * seed) % 4)),
    closeTag,
    ...Array.from({ length: answer }, (_, i) => 18 + (i % 3)),
  ]
  const budget = promptLength + localWindow + selectionWindow
  const request: GenerateRequest = {
    ...{ prompt: { tokens: [...question, openTag] }, policy, budget, localWindow, ratio, seed },
    ...(policy === 'streaming-llm' ? { policyOptions: { sinks: 2 } } : {}),
    maxTokens: script.length,
  }
  return {
    request,
    script,
    budget,
    leaving: selectionWindow - Math.min(Math.floor(ratio * selectionWindow), selectionWindow - 1),
  }
}

describe('the cells of a bounded sequence', () => {
  test('never exceed B; exactly K leave at every eviction, in every phase; what was held is what the events say', () => {
    let inAnswer = 0
    fc.assert(
      fc.property(bounds, (all) => {
        const { request, script, budget, leaving } = requestOf(all)
        const loop = new FakeLoop({ cells: 64, sequences: 1, attention: true }, { scripts: { [all.seed]: script } })
        const seen: number[][] = []
        loop.onStep = (items) => {
          for (const item of items) {
            if (!('event' in item) || item.event.type !== 'eviction') continue
            // The last step gives the cells back.
            if (!loop.of(1).result) expect([...item.event.kept]).toEqual(loop.forward.positions(0))
            seen.push([...item.event.kept])
            if (item.event.step > all.thinking + 1) inAnswer++
          }
        }
        loop.submit(1, request).finish()

        // Counted once more: a cell for each consumed token, K fewer whenever there are B.
        let cells = all.promptLength
        let attended = 0
        let peak = cells
        const steps: number[] = []
        for (let consumed = 1; consumed < script.length; consumed++) {
          cells++
          attended += cells
          peak = Math.max(peak, cells)
          if (cells < budget) continue
          cells -= leaving
          steps.push(consumed)
        }
        expect(
          loop.evictions(1).map(({ step, before, evicted, kept }) => [step, before, evicted, kept.length]),
        ).toEqual(steps.map((step) => [step, budget, leaving, budget - leaving]))
        expect(seen).toHaveLength(steps.length)
        expect(loop.forward.peaks[0]).toBe(peak)
        expect(peak).toBeLessThanOrEqual(budget)
        expect(loop.result(1).cache).toMatchObject({
          ...{ policy: all.policy, budget, localWindow: all.localWindow, ratio: all.ratio },
          peakCells: peak,
          meanCells: script.length > 1 ? attended / (script.length - 1) : all.promptLength,
          finalCells: cells,
          evictions: steps.length,
          evictedTokens: steps.length * leaving,
          ...{ bytesPerCell: 10, peakBytes: peak * 10, allocatedCells: 64, allocatedBytes: 640, compactions: 0 },
        })
      }),
      { numRuns: 80 },
    )
    expect(inAnswer).toBeGreaterThan(10)
  })

  test('positions never shift: a kept cell holds the token that was generated at its position', () => {
    fc.assert(
      fc.property(bounds, (all) => {
        const { request, script } = requestOf(all)
        const loop = new FakeLoop({ cells: 64, sequences: 1, attention: true }, { scripts: { [all.seed]: script } })
        const text = [...(request.prompt as { tokens: number[] }).tokens, ...script]
        let compared = 0
        loop.onStep = () => {
          const held = [...loop.forward.held[0]!]
          expect(held.map(([, one]) => one)).toEqual(held.map(([position]) => text[position]))
          compared += held.length
        }
        loop.submit(1, request).finish()
        if (script.length > 1) expect(compared).toBeGreaterThan(0)
      }),
      { numRuns: 30 },
    )
  })

  test('dynts keeps the thinking that its predictor finds most important, and all of the question', () => {
    const { request, script } = requestOf({
      ...{ policy: 'dynts', promptLength: 5, localWindow: 4, selectionWindow: 20, ratio: 0.4 },
      ...{ thinking: 80, answer: 0, seed: 3 },
    })
    const loop = runAlone(request, { scripts: { 3: script } })
    const all = [...(request.prompt as { tokens: number[] }).tokens, ...script]
    let held = [0, 1, 2, 3, 4]
    for (const { kept, step } of loop.evictions(1)) {
      const newest = 4 + step
      while (held.at(-1)! < newest) held.push(held.at(-1)! + 1)
      const candidates = held.slice(5, -4)
      const byScore = candidates.toSorted(
        (p, q) => fakeImportance(fakeHiddenState(all[q]!, q)) - fakeImportance(fakeHiddenState(all[p]!, p)) || q - p,
      )
      const best = new Set(byScore.slice(0, candidates.length - 12))
      held = held.filter((position) => !candidates.includes(position) || best.has(position))
      expect([...kept]).toEqual(held)
    }
    expect(loop.evictions(1)).toHaveLength(5)
  })

  test('when the thinking has run out the oldest of the answer leaves, and the result says so', () => {
    const settings = { policy: 'dynts', budget: 16, localWindow: 3, ratio: 0.5, seed: 1 }
    const degraded = (thinking: number, answer: number) => {
      const script = [
        ...Array.from({ length: thinking }, () => 11),
        closeTag,
        ...Array.from({ length: answer }, () => 12),
      ]
      const request = { prompt: { tokens: tokens('Q|<think>') }, ...settings, maxTokens: script.length }
      return runAlone(request, { scripts: { 1: script } })
    }
    expect(degraded(40, 2).result(1).cache.degraded).toBe(false)
    const loop = degraded(3, 40)
    expect(loop.result(1).cache.degraded).toBe(true)
    // W_s = 11, k = 5, K = 6: three thinking cells, then the tag (an answer cell) and the oldest of the answer.
    expect([...loop.evictions(1)[0]!.kept]).toEqual([0, 1, 8, 9, 10, 11, 12, 13, 14, 15])
  })

  test('a tag of several tokens counts as answer: it outlives the thinking beside it', () => {
    const script = [...tokens('a|a|a|a|</|think|>'), ...Array.from({ length: 12 }, () => token('b'))]
    const request = { prompt: { tokens: tokens('Q|<think>') }, policy: 'dynts', budget: 14, localWindow: 5, ratio: 0.5 }
    const loop = runAlone({ ...request, seed: 1, maxTokens: script.length }, { scripts: { 1: script } })
    // W_s = 7, k = 3, K = 4: the four thinking cells at 2 to 5; the tag at 6 to 8 stays.
    expect([...loop.evictions(1)[0]!.kept]).toEqual([0, 1, 6, 7, 8, 9, 10, 11, 12, 13])
    expect(loop.result(1).cache.degraded).toBe(true)
  })

  test('a turn without thinking evicts as if all of it were thinking', () => {
    const request = {
      prompt: { tokens: tokens('Q|a') },
      policy: 'question-window',
      budget: 12,
      localWindow: 3,
      ratio: 0.5,
    }
    const loop = runAlone({ ...request, maxTokens: 100 })
    expect(loop.result(1).cache).toMatchObject({ degraded: false, peakCells: 12 })
    expect(loop.evictions(1).every(({ kept }) => kept[0] === 0 && kept[1] === 1)).toBe(true)
  })

  test('the full cache keeps everything', () => {
    const loop = runAlone({ prompt: { tokens: tokens('Q|a') }, policy: 'full', maxTokens: 50 })
    expect(loop.evictions(1)).toEqual([])
    expect(loop.result(1).cache).toMatchObject({
      ...{ budget: null, localWindow: null, ratio: null, degraded: false },
      ...{ peakCells: 51, meanCells: (3 + 51) / 2, finalCells: 51 },
    })
  })
})

describe('compaction', () => {
  const request = {
    prompt: { tokens: tokens('Q|a') },
    policy: 'window',
    budget: 12,
    localWindow: 2,
    ratio: 0.5,
    maxTokens: 60,
  }
  test('on: after every eviction, with the survivors only; off: never', () => {
    const on = runAlone(request, { compaction: 'on' })
    const compactions = on.forward.passes.filter(({ kind }) => kind === 'compact')
    expect(compactions.map(({ count }) => count)).toEqual(on.evictions(1).map(({ kept }) => kept.length))
    expect(on.result(1).cache.compactions).toBe(compactions.length)
    expect(on.evictions(1).every(({ compacted }) => compacted)).toBe(true)
    const off = runAlone(request, { compaction: 'off' })
    expect(off.forward.passes.some(({ kind }) => kind === 'compact')).toBe(false)
    expect(off.evictions(1).map(({ kept }) => kept)).toEqual(on.evictions(1).map(({ kept }) => kept))
    expect(off.evictions(1).some(({ compacted }) => compacted)).toBe(false)
  })

  test('auto: not where attention would be no narrower', () => {
    expect(runAlone(request, { compaction: 'auto' }).result(1).cache.compactions).toBe(0)
    const wide = { ...request, budget: 1500, maxTokens: 1600 }
    const loop = runAlone({ ...wide, ratio: 0.1 }, { compaction: 'auto', cells: 1536 })
    expect(loop.result(1).cache).toMatchObject({ evictions: 1, compactions: 1 })
  })
})

test('so many cells leave at each eviction as the request says, and the events and the result say it too', () => {
  const bound = { budget: 24, localWindow: 4, evictEvery: 5 }
  const prompt = { tokens: tokens('Q|a|b') }
  const loop = runAlone({ prompt, policy: 'question-window', maxTokens: 50, seed: 2, ...bound })
  const evictions = loop.evictions(1)
  // With the 21st generated token the cells are 24; then one every 5 tokens; the last token is not consumed.
  expect(evictions.map(({ step }) => step)).toEqual([21, 26, 31, 36, 41, 46])
  for (const { before, evicted, kept } of evictions) expect([before, evicted, kept.length]).toEqual([24, 5, 19])
  expect(loop.of(1).events[0]).toMatchObject({ type: 'start', leaving: 5, ratio: null, evictEvery: 5 })
  expect(loop.result(1).cache).toMatchObject({ budget: 24, ratio: null, evictEvery: 5, peakCells: 24 })
  const byRatio = runAlone({ prompt, policy: 'window', maxTokens: 30, budget: 24, localWindow: 4, ratio: 0.4 })
  expect(byRatio.result(1).cache).toMatchObject({ ratio: 0.4, evictEvery: null })
})

test('cells of large values stay whatever they score, and the result says how large the reserve is', () => {
  const request: GenerateRequest = {
    ...{ prompt: { tokens: tokens('Q|a|b') }, policy: 'question-window', maxTokens: 40, seed: 2 },
    ...{ budget: 31, localWindow: 4, ratio: 0.5 },
  }
  const [plain, reserved] = [request, { ...request, valueReserve: 0.2 }].map((one) => runAlone(one))
  const [all, kept] = [plain!, reserved!].map((loop) => loop.evictions(1)[0]!.kept)
  // 24 candidates, 12 of them stay: the newest; or 6 (a fifth of 31) whose fake value, the token and 2, is widest, and the 6 newest of the others.
  const text = reserved!.result(1).tokens
  const candidates = Array.from({ length: 24 }, (_, i) => 3 + i)
  const range = (position: number) => Math.abs(text[position]! - 2)
  const widest = [...candidates].sort((a, b) => range(b) - range(a) || b - a).slice(0, 6)
  const newest = candidates.filter((position) => !widest.includes(position)).slice(-6)
  const staying = [...widest, ...newest].sort((a, b) => a - b)
  expect([...kept!].filter((position) => position >= 3 && position < 27)).toEqual(staying)
  expect(kept).not.toEqual(all)
  expect(reserved!.result(1).cache.valueReserve).toBe(0.2)
  expect(plain!.result(1).cache.valueReserve).toBeNull()
  for (const valueReserve of [0, 1, NaN]) expect(() => runAlone({ ...request, valueReserve })).toThrow()
})

test('parts of the text that score low keep their share, and the result says how many parts there are', () => {
  const request: GenerateRequest = {
    ...{ prompt: { tokens: tokens('Q|a|b') }, policy: 'question-window', maxTokens: 40, seed: 2 },
    ...{ budget: 31, localWindow: 4, ratio: 0.5 },
  }
  const [plain, parted] = [request, { ...request, segments: 3 }].map((one) => runAlone(one))
  // 24 candidates, 12 of them stay: the newest; or the newest 2 of each third, and 6 more of the newest.
  const ofCandidates = (loop: FakeLoop) => [...loop.evictions(1)[0]!.kept].filter((p) => p >= 3 && p < 27)
  expect(ofCandidates(plain!)).toEqual([15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26])
  expect(ofCandidates(parted!)).toEqual([9, 10, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26])
  expect(parted!.result(1).cache.segments).toBe(3)
  expect(plain!.result(1).cache.segments).toBeNull()
  expect(() => runAlone({ ...request, segments: 1 })).toThrow(expect.objectContaining({ code: 'invalid_segments' }))
})
