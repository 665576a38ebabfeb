import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { describePolicyContract } from './policy.contract.ts'
import type { ImportanceSource, PolicyContext } from './policy.ts'
import { findPolicy, parsePolicyOptions, policyNames } from './registry.ts'

const optionsToTry: Record<string, fc.Arbitrary<Record<string, unknown>>> = {
  'streaming-llm': fc.record({ sinks: fc.nat(60) }),
}

for (const name of policyNames()) describePolicyContract(findPolicy(name), optionsToTry[name])

/** Scores of candidates 1..5, the first two of which are the question's. */
function scores(name: string, context: Partial<PolicyContext> = {}): number[] {
  const importance: ImportanceSource = {
    push: () => undefined,
    scores: (positions) => fakeScores(positions),
  }
  const definition = findPolicy(name)
  const policy = definition.create(parsePolicyOptions(definition, {}), {
    promptCells: 3,
    seed: 1,
    importance,
    ...context,
  })
  return [...policy.score(Int32Array.of(1, 2, 3, 4, 5))]
}

function fakeScores(positions: Int32Array): Float32Array {
  return Float32Array.from(positions, (position) => (position === 4 ? 9 : position / 2))
}

describe('scores', () => {
  test.each([
    ['window', [1, 2, 3, 4, 5]],
    ['question-window', [1, 2, 3, 4, 5]],
    ['streaming-llm', [1, 2, 3, 4, 5]],
    ['dynts', [0.5, 1, 1.5, 9, 2.5]],
    ['dynts-no-local', [0.5, 1, 1.5, 9, 2.5]],
    ['dynts-bottom', [-0.5, -1, -1.5, -9, -2.5]],
    ['dynts-no-question', [-Infinity, -Infinity, 1.5, 9, 2.5]],
  ])('%s', (name, expected) => {
    expect(scores(name)).toEqual(expected)
  })

  test('dynts-no-question asks the predictor about generated tokens only', () => {
    const asked: number[][] = []
    const importance: ImportanceSource = {
      push: () => undefined,
      scores(positions) {
        asked.push([...positions])
        return new Float32Array(positions.length)
      },
    }
    scores('dynts-no-question', { importance })
    scores('dynts-no-question', { importance, promptCells: 6 })
    expect(asked).toEqual([[3, 4, 5]])
  })

  test('random: uniform, fresh at each eviction, another for another seed', () => {
    const definition = findPolicy('random')
    const policy = definition.create({}, { promptCells: 0, seed: 7 })
    const positions = Int32Array.from({ length: 10_000 }, (_, i) => i)
    const first = policy.score(positions)
    expect(policy.score(positions)).not.toEqual(first)
    expect(definition.create({}, { promptCells: 0, seed: 8 }).score(positions)).not.toEqual(first)
    const mean = first.reduce((sum, score) => sum + score, 0) / first.length
    expect(mean).toBeCloseTo(0.5, 1)
    expect(Math.min(...first)).toBeGreaterThanOrEqual(0)
    expect(Math.max(...first)).toBeLessThan(1)
  })

  test('dynts hands hidden states to the predictor, and misses them loudly', () => {
    const pushed: [number, number[]][] = []
    const importance: ImportanceSource = {
      push: (position, hiddenState) => pushed.push([position, [...hiddenState]]),
      scores: fakeScores,
    }
    const policy = findPolicy('dynts').create({}, { promptCells: 3, seed: 0, importance })
    policy.observe?.({ position: 3, token: 11, hiddenState: Float32Array.of(1, 2) })
    expect(pushed).toEqual([[3, [1, 2]]])
    expect(() => policy.observe?.({ position: 4, token: 12 })).toThrow('position 4')
  })

  test('full has no scores', () => {
    expect(() => scores('full')).toThrow('never evicts')
  })
})
