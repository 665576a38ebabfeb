import { expect, test } from 'vitest'
import { predictorTable } from './predictor-facts.ts'

const nothing = { policy: null, diversity: null, budget: null, localWindow: null, ratio: null, evictEvery: null }
const rowsOf = (facts: object) =>
  Object.fromEntries(
    predictorTable({ ...nothing, ...facts })
      .split('\n')
      .map((line) => line.split(/ {2,}/)),
  ) as Record<string, string>

test('what a predictor does not recommend is said in words', () => {
  expect(new Set(Object.values(rowsOf({})))).toEqual(new Set(['nothing recommended']))
  expect(rowsOf({ budget: 240, ratio: 0.4 })).toEqual({
    policy: 'nothing recommended',
    diversity: 'nothing recommended',
    budget: '240',
    'local window': 'nothing recommended',
    ratio: '0.4',
    'evict every': 'none: the ratio takes its place',
  })
  expect(rowsOf({ evictEvery: 16 })).toMatchObject({
    ratio: 'none: evict every takes its place',
    'evict every': '16',
  })
})
