import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SequenceCells } from './sequence-cells.ts'
import { CellKind } from './windows.ts'

/** A store that only notes what it is told. */
function fakeStore() {
  const calls: (readonly [string, ...number[]])[] = []
  return {
    calls,
    remove: (...call: [sequence: number, p0: number, p1: number]) => calls.push(['remove', ...call]),
    compact: (sequence: number, without: readonly (readonly [number, number])[]) =>
      calls.push(...without.map((range) => ['compact', sequence, ...range] as const)),
    clear: (sequenceId: number) => calls.push(['clear', sequenceId]),
  }
}

describe('SequenceCells', () => {
  test('begins with an empty stream and gives it back', () => {
    const store = fakeStore()
    const cells = new SequenceCells(store, 3)
    expect(store.calls).toEqual([['clear', 3]])
    expect([cells.heldCells, [...cells.held], [...cells.kinds]]).toEqual([0, [], []])
    cells.append(0, 2, CellKind.prompt)
    cells.release()
    expect(store.calls).toEqual([
      ['clear', 3],
      ['clear', 3],
    ])
  })

  test('a cell must be newer than all held ones, also where others have left', () => {
    const cells = new SequenceCells(fakeStore(), 0)
    cells.append(5, 3, CellKind.thinking)
    expect(() => cells.append(7, 1, CellKind.thinking)).toThrow(RangeError)
    cells.evict(Int32Array.of(5, 6))
    expect(() => cells.append(6, 1, CellKind.thinking)).toThrow(RangeError)
    cells.append(8, 1, CellKind.answer)
    expect([...cells.held]).toEqual([7, 8])
  })

  test('what is not held cannot leave, and a wrong eviction changes nothing', () => {
    const store = fakeStore()
    const cells = new SequenceCells(store, 0)
    cells.append(0, 5, CellKind.thinking)
    expect(() => cells.evict(Int32Array.of(3, 9))).toThrow('Position 9')
    expect(() => cells.evict(Int32Array.of(3, 1))).toThrow()
    expect([...cells.held]).toEqual([0, 1, 2, 3, 4])
    expect(store.calls).toEqual([['clear', 0]])
    expect(cells.occupancy.evictions).toBe(0)
  })

  test('relabelling a cell that has left does nothing', () => {
    const cells = new SequenceCells(fakeStore(), 0)
    cells.append(0, 3, CellKind.thinking)
    cells.evict(Int32Array.of(1))
    cells.relabel(1, CellKind.answer)
    cells.relabel(2, CellKind.answer)
    expect([...cells.kinds]).toEqual([CellKind.thinking, CellKind.answer])
  })

  const command = fc.oneof(
    fc.record({
      do: fc.constant('append' as const),
      skip: fc.nat(3),
      count: fc.integer({ min: 1, max: 700 }),
      kind: fc.constantFrom(0, 1, 2),
    }),
    fc.record({ do: fc.constant('evict' as const), seed: fc.integer({ min: 2, max: 9 }), compacts: fc.boolean() }),
    fc.record({ do: fc.constant('relabel' as const), position: fc.nat(3000), kind: fc.constantFrom(0, 1, 2) }),
    fc.record({ do: fc.constant('step' as const) }),
  )

  test('agrees with a plain list of cells, whatever happens to it', () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 30 }), (commands) => {
        const removed: number[] = []
        const store = fakeStore()
        const cells = new SequenceCells(store, 7)
        let model: { position: number; kind: number }[] = []
        const steps: number[] = []
        let next = 0
        let evictions = 0
        let evicted = 0
        for (const one of commands) {
          if (one.do === 'append') {
            next += one.skip
            cells.append(next, one.count, one.kind)
            for (let i = 0; i < one.count; i++) model.push({ position: next++, kind: one.kind })
          } else if (one.do === 'evict') {
            const leaving = model.filter(({ position }) => position % one.seed === 0).map(({ position }) => position)
            const before = store.calls.length
            const held = model.map(({ position }) => position)
            cells.evict(Int32Array.from(leaving), one.compacts)
            for (const [call, sequence, p0, p1] of store.calls.slice(before)) {
              expect([call, sequence]).toEqual([one.compacts ? 'compact' : 'remove', 7])
              removed.push(...held.filter((position) => position >= p0! && position < p1!))
            }
            model = model.filter(({ position }) => position % one.seed !== 0)
            expect(removed.splice(0)).toEqual(leaving)
            evictions++
            evicted += leaving.length
          } else if (one.do === 'relabel') {
            cells.relabel(one.position, one.kind)
            model = model.map((cell) => (cell.position === one.position ? { ...cell, kind: one.kind } : cell))
          } else {
            cells.countStep()
            steps.push(model.length)
          }
          expect([...cells.held]).toEqual(model.map(({ position }) => position))
          expect([...cells.kinds]).toEqual(model.map(({ kind }) => kind))
          expect(cells.heldCells).toBe(model.length)
        }
        expect(cells.occupancy).toEqual({
          peakCells: Math.max(model.length, ...steps),
          meanCells: steps.length === 0 ? model.length : steps.reduce((sum, one) => sum + one, 0) / steps.length,
          finalCells: model.length,
          evictions,
          evictedTokens: evicted,
        })
      }),
      { numRuns: 60 },
    )
  })
})
