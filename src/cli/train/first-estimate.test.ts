import { expect, test } from 'vitest'
import { FirstEstimate } from './first-estimate.ts'

test('is told once, when the first item is finished, by its share of the work', () => {
  let now = 5000
  const estimate = new FirstEstimate('trace', () => now)
  expect(estimate.at(0, 1000, false)).toBeUndefined()
  now += 1000
  expect(estimate.at(50, 1000, false)).toBeUndefined()
  now += 1000
  // 100 of 1,000 in 2 s: the other 900 in 18 s.
  expect(estimate.at(100, 1000, true)).toBe('By the first trace, which took 2 s, the rest takes about 18 s.')
  now += 1000
  expect(estimate.at(200, 1000, true)).toBeUndefined()
})

test('what was done before this run does not count', () => {
  let now = 0
  const estimate = new FirstEstimate('step', () => now)
  estimate.at(500, 1000, false)
  now = 4000
  // 100 in 4 s: the other 400 in 16 s.
  expect(estimate.at(600, 1000, true)).toBe('By the first step, which took 4 s, the rest takes about 16 s.')
})

test('what is over at once is not told', () => {
  let now = 0
  const estimate = new FirstEstimate('trace', () => now)
  estimate.at(0, 10, false)
  now = 1000
  expect(estimate.at(1, 10, true)).toBeUndefined()
})
