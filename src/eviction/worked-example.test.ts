/** The worked example of the paper (Figure 4): two evictions of `dynts`, on the scores that are printed there. */
import { expect, test } from 'vitest'
import { planEviction } from '../cache/budget.ts'
import { SequenceCells } from '../cache/sequence-cells.ts'
import { CellKind } from '../cache/windows.ts'
import { findPolicy } from './registry.ts'
import { selectLeaving } from './select.ts'

/** Of the tokens from C on; A and B are the question. */
const printed = {
  C: 0.2,
  D: 0.1,
  E: 0.5,
  F: 0.1,
  G: 0.4,
  H: 0.2,
  I: 0.2,
  J: 0.1,
  K: 0.3,
  L: 0.7,
  M: 0.4,
  N: 0.1,
  O: 0.2,
}
const letters = ['A', 'B', ...Object.keys(printed)]
const settings = { budget: 11, localWindow: 3, ratio: 1 / 3 }

test('at 11 cells C, D, F and H leave; four tokens later E, G, I, J, K and L are chosen from', () => {
  const plan = planEviction(settings, 2)
  expect(plan).toEqual({ promptCells: 2, selectionWindow: 6, kept: 2, leaving: 4 })
  const dynts = findPolicy('dynts')
  const seen = new Map<number, number>()
  const policy = dynts.create(
    {},
    {
      promptCells: 2,
      seed: 0,
      vocabulary: { bos: 0, textOf: () => '' },
      importance: {
        push: (position, [score = NaN]) => seen.set(position, score),
        scores: (positions) => Float32Array.from(positions, (position) => seen.get(position) ?? NaN),
      },
    },
  )
  const cells = new SequenceCells({ remove: () => undefined, compact: () => undefined, clear: () => undefined }, 0)
  const named = (positions: Int32Array) => [...positions].map((position) => letters[position]).join('')
  const evictions: Record<'from' | 'leaving' | 'kept', string>[] = []
  cells.append(0, 2, CellKind.prompt)
  for (const [i, score] of Object.values(printed).entries()) {
    const position = i + 2
    cells.append(position, 1, CellKind.thinking)
    policy.observe?.({ position, token: position, hiddenState: Float32Array.of(score) })
    if (cells.heldCells < settings.budget) continue
    const { held, kinds } = cells
    const { leaving, candidates } = selectLeaving({
      ...{ held, kinds, plan, localWindow: settings.localWindow, protection: dynts.protects({}) },
      score: (some, count) => policy.score(some, { held, leaving: count }),
    })
    cells.evict(leaving)
    evictions.push({ from: named(candidates), leaving: named(leaving), kept: named(cells.held) })
  }
  expect(evictions).toEqual([
    { from: 'CDEFGH', leaving: 'CDFH', kept: 'ABEGIJK' },
    // Not printed: .5 and .7 are the highest.
    { from: 'EGIJKL', leaving: 'GIJK', kept: 'ABELMNO' },
  ])
})
