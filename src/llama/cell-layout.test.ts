import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CellLayout } from './cell-layout.ts'

const size = 32
const command = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('append' as const), count: fc.integer({ min: 1, max: 12 }) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('remove' as const), from: fc.nat(100), length: fc.nat(20) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('compact' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('clear' as const) }) },
)

describe('CellLayout', () => {
  test('new positions take the lowest free cells, however the others came and went', () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 40 }), (commands) => {
        const layout = new CellLayout(size)
        let cells: (number | undefined)[] = Array.from({ length: size }, () => undefined)
        let next = 0
        for (const one of commands) {
          if (one.do === 'append') {
            const free = cells.filter((position) => position === undefined).length
            if (one.count > free) {
              const before = [...layout.positions]
              expect(() => layout.append(next, one.count)).toThrow(RangeError)
              expect([...layout.positions]).toEqual(before)
              continue
            }
            layout.append(next, one.count)
            for (let i = 0; i < one.count; i++) cells[cells.indexOf(undefined)] = next++
          } else if (one.do === 'remove') {
            const gone = (position: number) => position >= one.from && position < one.from + one.length
            layout.remove(one.from, one.from + one.length)
            cells = cells.map((position) => (position !== undefined && gone(position) ? undefined : position))
          } else {
            const held = cells.filter((position) => position !== undefined)
            if (one.do === 'compact') layout.compact()
            else layout.clear()
            cells = Array.from({ length: size }, (_, i) => (one.do === 'compact' ? held[i] : undefined))
          }
          expect([...layout.positions]).toEqual(cells.map((position) => position ?? -1))
          expect(layout.used).toBe(cells.filter((position) => position !== undefined).length)
          expect(layout.width).toBe(cells.findLastIndex((position) => position !== undefined) + 1)
        }
      }),
      { numRuns: 500 },
    )
  })
})
