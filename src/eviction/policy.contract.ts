/**
 * What every policy must hold to, whatever it prefers: long generations on a fake model, with the real selection code
 * and independent, slower checks of each eviction.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { planEviction } from '../cache/budget.ts'
import type { CacheSettings, EvictionPlan } from '../cache/budget.ts'
import { removalRuns } from '../cache/runs.ts'
import { CellKind } from '../cache/windows.ts'
import { createPolicy, protectionOf as protectionUnder, queriesOf } from './check-policy.ts'
import type {
  AttentionRow,
  CachedVectors,
  HeldCells,
  ImportanceScorer,
  PolicyDefinition,
  Protection,
  TokenTexts,
} from './policy.ts'
import { addedProtection, protectableParts, withProtection, type ProtectedPart } from './protect.ts'
import { fakeCalibration } from './calibration.fake.ts'
import { fakeArithmetic } from './products.fake.ts'
import { parsePolicyOptions } from './registry.ts'
import { fakeVectors } from './vectors.fake.ts'
import { checkPolicyFits, selectLeaving } from './select.ts'
import type { Selection } from './select.ts'

export interface SimulatedGeneration {
  readonly promptCells: number
  readonly settings: CacheSettings
  /** Generated tokens. */
  readonly length: number
  /** Generated tokens before `</think>`; `length` or more: a turn that is all thinking. */
  readonly thinking: number
  readonly seed: number
  /** Of the policy, as a command line gives them. */
  readonly options: Record<string, unknown>
  /** What the request protects. */
  readonly protect: readonly ProtectedPart[]
}

export interface Eviction extends Selection {
  /** Positions before it, ascending. */
  readonly held: number[]
  /** Positions after it, ascending. */
  readonly kept: number[]
}

/** Few distinct values, so that ties are common; negative ones too. */
function fakeImportance(position: number, seed: number): number {
  return ((Math.imul(position + 1, 0x9e3779b1) ^ seed) >>> 28) / 4 - 1
}

/** A hash of two numbers, 0 to 1, with ties. */
function fakeValue(a: number, b: number, seed: number): number {
  return ((Math.imul(a + 1, 0x9e3779b1) ^ Math.imul(b + 7, 0x85ebca6b) ^ seed) >>> 26) / 64
}

/** The attention of a query on the cells that it sees; to be dropped after the call, as the engine's is. */
function fakeAttention(query: number, seen: readonly number[], seed: number): AttentionRow {
  const raw = seen.map((position) => fakeValue(query, position, seed) + 0.01)
  const total = raw.reduce((sum, weight) => sum + weight, 0)
  return { positions: Int32Array.from(seen), weights: Float32Array.from(raw, (weight) => weight / total) }
}

/** Two layers of two key heads, the cells in some order that is not theirs. */
function vectorsOf(held: readonly number[], seed: number, headSize: number): CachedVectors {
  const keyHeads = 2
  const positions = Int32Array.from(held).reverse()
  const layer = (index: number) =>
    Float32Array.from({ length: positions.length * keyHeads * headSize }, (_, i) => {
      const position = positions[Math.floor(i / (keyHeads * headSize))]!
      return fakeValue(position, (i % (keyHeads * headSize)) + 100 * index, seed) - 0.3
    })
  return fakeVectors(positions, headSize, () => [layer(0), layer(1)])
}

/** What of it a policy needs. */
function fakeCells({ needs }: PolicyDefinition, held: readonly number[], leaving: number, seed: number): HeldCells {
  return {
    held: Int32Array.from(held),
    leaving,
    ...(needs.has('keys') && { keys: { ...vectorsOf(held, seed, 4), ...fakeArithmetic(4) } }),
    ...(needs.has('values') && { values: vectorsOf(held, seed + 1, 6) }),
  }
}

const fakeVocabulary: TokenTexts = { bos: 5, textOf: (token) => ['a', ', ', '\n', '3', '. ', '<s>'][token] ?? '' }
const fakeToken = (position: number, seed: number) => Math.floor(fakeValue(position, 0, seed) * 6)

/** A predictor that has seen nothing but what was pushed. */
function fakeImportanceScorer(seed: number): ImportanceScorer {
  const seen = new Map<number, number>()
  return {
    push: (position, hiddenState) => seen.set(position, hiddenState[0]!),
    scores(positions) {
      for (const position of positions) if (!seen.has(position)) throw new Error(`${position} was never pushed`)
      return Float32Array.from(positions, (position) => seen.get(position)! + (seed % 2))
    },
  }
}

/** The engine's loop, without a model: append a cell, let the policy observe it, evict when the cells equal B. */
export function generate(
  definition: PolicyDefinition,
  { promptCells, settings, length, thinking, seed, options: raw, protect }: SimulatedGeneration,
): { evictions: Eviction[]; peakCells: number } {
  const options = parsePolicyOptions(definition, raw)
  const own = protectionUnder(definition, options)
  const protection = withProtection(own, addedProtection(definition, own, protect))
  const queries = queriesOf(definition, options)
  const importance = definition.needs.has('hidden-state') ? { importance: fakeImportanceScorer(seed) } : {}
  const calibration = definition.needs.has('calibration') ? { calibration: fakeCalibration() } : {}
  const policy = createPolicy(definition, options, {
    promptCells,
    seed,
    vocabulary: fakeVocabulary,
    ...importance,
    ...calibration,
  })
  const plan = planEviction(settings, promptCells)
  const evictions: Eviction[] = []
  let peakCells = promptCells
  let held: number[] = []
  for (let position = 0; position < promptCells + length; position++) {
    held.push(position)
    const isGenerated = position >= promptCells
    const hiddenState = Float32Array.of(fakeImportance(position, seed))
    const attention = fakeAttention(position, held, seed)
    policy.observe?.({
      position,
      token: fakeToken(position, seed),
      ...(isGenerated && definition.needs.has('hidden-state') && { hiddenState }),
      ...(isGenerated && definition.needs.has('entropy') && { entropy: fakeValue(position, 3, seed) }),
      ...(settings.budget - held.length < queries && { attention }),
    })
    for (const row of [hiddenState, attention.weights]) row.fill(NaN)
    if (!isGenerated) continue
    peakCells = Math.max(peakCells, held.length)
    if (!definition.evicts || held.length < settings.budget) continue
    const selection = selectLeaving({
      held: Int32Array.from(held),
      kinds: Uint8Array.from(held, (p) => kindOf(p, promptCells, thinking)),
      plan,
      localWindow: settings.localWindow,
      protection,
      score: (candidates, leaving) => policy.score(candidates, fakeCells(definition, held, leaving, seed)),
    })
    const runs = removalRuns(Int32Array.from(held), selection.leaving)
    const kept = held.filter((p) => !runs.some(([p0, p1]) => p0 <= p && p < p1))
    evictions.push({ ...selection, held, kept })
    held = [...kept]
  }
  return { evictions, peakCells }
}

function kindOf(position: number, promptCells: number, thinking: number): number {
  if (position < promptCells) return CellKind.prompt
  return position < promptCells + thinking ? CellKind.thinking : CellKind.answer
}

/** Who may leave, written down once more from the design's table and not from the code under test. */
function reference(held: number[], { promptCells, settings, thinking }: SimulatedGeneration, protection: Protection) {
  const generated = held.filter((p) => p >= promptCells)
  const window = new Set(generated.slice(protection.localWindow ? -settings.localWindow : -1))
  const question = held.filter((p) => p < promptCells && !protection.question)
  const outside = [...question, ...generated.filter((p) => !window.has(p))].filter((p) => p >= (protection.sinks ?? 0))
  const isProtectedAnswer = (p: number) => protection.answer && p >= promptCells + thinking
  return { candidates: outside.filter((p) => !isProtectedAnswer(p)), fallback: outside.filter(isProtectedAnswer) }
}

/** Those of `candidates` that fewer than `staying` others beat; O(n^2). */
function highest(candidates: number[], scores: number[], staying: number): number[] {
  return candidates.filter((p, i) => {
    const beatenBy = candidates.filter((q, j) => scores[j]! > scores[i]! || (scores[j] === scores[i] && q > p))
    return beatenBy.length < staying
  })
}

function expectEviction(
  eviction: Eviction,
  generation: SimulatedGeneration,
  plan: EvictionPlan,
  protection: Protection,
): void {
  const { held, kept } = eviction
  const { candidates, fallback } = reference(held, generation, protection)
  const gone = held.filter((p) => !kept.includes(p))
  expect(held).toHaveLength(generation.settings.budget)
  expect(gone).toHaveLength(plan.leaving)
  expect(gone).toEqual([...eviction.leaving])
  expect(kept.at(-1)).toBe(held.at(-1))
  expect([...eviction.candidates]).toEqual(candidates)
  expect(eviction.degraded).toBe(candidates.length < plan.leaving)
  const staying = Math.max(0, candidates.length - plan.leaving)
  const best = highest(candidates, [...eviction.scores], staying)
  expect(kept.filter((p) => candidates.includes(p))).toEqual(best)
  const answerCells = Math.max(0, plan.leaving - candidates.length)
  expect(gone.filter((p) => !candidates.includes(p))).toEqual(fallback.slice(0, answerCells))
  expectProtected(gone, generation, plan.leaving, candidates.length)
}

/** What a request protects leaves only when there is too little else, and the question not even then. */
function expectProtected(gone: number[], generation: SimulatedGeneration, leaving: number, others: number): void {
  const { promptCells, thinking, protect } = generation
  if (protect.includes('question')) expect(gone.filter((p) => p < promptCells)).toEqual([])
  if (protect.includes('answer') && others >= leaving)
    expect(gone.filter((p) => p >= promptCells + thinking)).toEqual([])
}

/** Any sizes that a cache may have, with windows and evictions of all kinds. */
export function generations(options: fc.Arbitrary<Record<string, unknown>>): fc.Arbitrary<SimulatedGeneration> {
  const sizes = fc.record({
    promptCells: fc.integer({ min: 1, max: 30 }),
    localWindow: fc.integer({ min: 1, max: 20 }),
    selectionWindow: fc.integer({ min: 1, max: 30 }),
    share: fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom(0, 0.1, 0.25, 0.4, 0.5, 0.9, 1).map((ratio) => ({ ratio })) },
      { weight: 1, arbitrary: fc.integer({ min: 1, max: 40 }).map((evictEvery) => ({ evictEvery })) },
    ),
    length: fc.integer({ min: 0, max: 200 }),
    // All answer, a long answer, a short one, and no `</think>` at all.
    thinking: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 200 }), fc.constant(200)),
    seed: fc.nat(),
    options,
    protect: fc.subarray([...protectableParts]),
  })
  return sizes.map(({ localWindow, selectionWindow, share, ...rest }) => {
    const most = 'evictEvery' in share ? { evictEvery: Math.min(share.evictEvery, selectionWindow) } : share
    const budget = rest.promptCells + localWindow + selectionWindow
    return { ...rest, settings: { budget, localWindow, ...most } }
  })
}

/**
 * Describes the contract for one policy.
 * @param options the policy's options to try, as a command line gives them
 */
export function describePolicyContract(
  definition: PolicyDefinition,
  options: fc.Arbitrary<Record<string, unknown>> = fc.constant({}),
): void {
  describe(`policy ${definition.name}`, () => {
    /** The policy's own and the request's; of a policy that never evicts nothing is asked. */
    function protectionOf({ options: raw, protect }: SimulatedGeneration): Protection {
      const own = protectionUnder(definition, parsePolicyOptions(definition, raw))
      const asks = (part: ProtectedPart) => own[part] || protect.includes(part)
      return { ...own, question: asks('question'), answer: asks('answer') }
    }

    function fits(generation: SimulatedGeneration): boolean {
      try {
        const plan = planEviction(generation.settings, generation.promptCells)
        checkPolicyFits(generation.settings, plan, protectionOf(generation))
        return true
      } catch {
        return false
      }
    }

    test('holds to the budget, and at each eviction the K lowest that may leave do', () => {
      let evictions = 0
      fc.assert(
        fc.property(generations(options).filter(fits), (generation) => {
          const plan = planEviction(generation.settings, generation.promptCells)
          const protection = protectionOf(generation)
          const { budget } = generation.settings
          const { evictions: events, peakCells } = generate(definition, generation)
          const textLength = generation.promptCells + generation.length
          expect(peakCells).toBe(definition.evicts ? Math.min(budget, textLength) : textLength)
          for (const event of events) expectEviction(event, generation, plan, protection)
          // The first when the cells reach B, then one every K tokens.
          const overrun = textLength - budget
          expect(events).toHaveLength(definition.evicts && overrun >= 0 ? Math.floor(overrun / plan.leaving) + 1 : 0)
          evictions += events.length
        }),
        { numRuns: 30 },
      )
      expect(evictions > 0).toBe(definition.evicts)
    })

    test('positions never change: a kept cell is the cell it was', () => {
      fc.assert(
        fc.property(generations(options).filter(fits), (generation) => {
          let kept: number[] = Array.from({ length: generation.promptCells }, (_, p) => p)
          let next = generation.promptCells
          for (const event of generate(definition, generation).evictions) {
            const newest = event.held.at(-1)!
            const appended = Array.from({ length: newest + 1 - next }, (_, i) => next + i)
            expect(event.held).toEqual([...kept, ...appended])
            kept = event.kept
            next = newest + 1
          }
        }),
        { numRuns: 20 },
      )
    })

    test('the same seed makes the same choices', () => {
      fc.assert(
        fc.property(generations(options).filter(fits), (generation) => {
          const once = generate(definition, generation)
          expect(generate(definition, generation)).toEqual(once)
        }),
        { numRuns: 20 },
      )
    })

    test('what checkPolicyFits refuses could not have been run, and it needs an eviction to fail', () => {
      if (!definition.evicts) return
      fc.assert(
        fc.property(generations(options), (generation) => {
          if (fits(generation)) return
          const long = { ...generation, length: generation.settings.budget }
          expect(() => generate(definition, long)).toThrow(expect.objectContaining({ code: 'policy_does_not_fit' }))
        }),
      )
    })

    test('says what it needs, and cannot be made without its predictor or calibration', () => {
      expect(definition.name).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/)
      expect(definition.summary).not.toMatch(/[.\n]$/)
      const defaults = parsePolicyOptions(definition, {})
      const create = () => createPolicy(definition, defaults, { promptCells: 1, seed: 0, vocabulary: fakeVocabulary })
      if (definition.needs.has('hidden-state')) {
        expect(create).toThrow(expect.objectContaining({ code: 'missing_predictor' }))
      } else if (definition.needs.has('calibration')) {
        expect(create).toThrow(expect.objectContaining({ code: 'missing_calibration' }))
      } else {
        expect(create).not.toThrow()
      }
    })
  })
}
