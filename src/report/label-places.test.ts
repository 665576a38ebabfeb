import fc from 'fast-check'
import { expect, test } from 'vitest'
import { labelPlaces } from './label-places.ts'

const wide = { low: -1000, high: 1000 }

test('what is far enough apart stays where it is, whatever its order', () => {
  expect(labelPlaces([30, 10, 20], 5, wide)).toEqual([30, 10, 20])
})

test('two at one place part by half the gap each, and push a third only as far as they must', () => {
  expect(labelPlaces([0, 0], 4, wide)).toEqual([-2, 2])
  // -3, 1, 5 is the best of three in a row around 0, 0, 3: their mean is 1.
  expect(labelPlaces([0, 0, 3], 4, wide)).toEqual([-3, 1, 5])
})

test('at a bound they move inwards', () => {
  expect(labelPlaces([9, 10], 4, { low: 0, high: 10 })).toEqual([6, 10])
  expect(labelPlaces([0, 0, 9], 4, { low: 0, high: 20 })).toEqual([0, 4, 9])
})

test('no other places with the same gaps are nearer', () => {
  const values = fc.array(fc.integer({ min: 0, max: 60 }), { minLength: 1, maxLength: 6 })
  const moves = fc.array(fc.integer({ min: -8, max: 8 }), { minLength: 6, maxLength: 6 })
  fc.assert(
    fc.property(values, moves, (wanted, moved) => {
      const bounds = { low: 0, high: 100 }
      const places = labelPlaces(wanted, 7, bounds)
      const far = (some: readonly number[]) => some.reduce((sum, place, i) => sum + (place - wanted[i]!) ** 2, 0)
      const isAllowed = (some: readonly number[]) => {
        const ascending = some.toSorted((a, b) => a - b)
        return (
          ascending.every((place) => place >= 0 && place <= 100) &&
          ascending.slice(1).every((place, i) => place - ascending[i]! >= 7 - 1e-9)
        )
      }
      expect(isAllowed(places)).toBe(true)
      const others = places.map((place, i) => place + moved[i]!)
      if (isAllowed(others)) expect(far(others)).toBeGreaterThanOrEqual(far(places) - 1e-6)
    }),
  )
})
