import { expect, test } from 'vitest'
import { percent, percentDone } from './percent.ts'

test('shares', () => {
  expect([percent(0.12345), percent(1, 0), percent(NaN), percent()]).toEqual(['12.3 %', '100 %', '-', '-'])
})

test('what is not done is below 100 %', () => {
  expect([percentDone(0, 3), percentDone(1999, 2000), percentDone(3, 3), percentDone(0, 0)]).toEqual([
    ...['0 %', '99 %', '100 %', '100 %'],
  ])
})
