import { expect, test } from 'vitest'
import { EngineWork } from './engine-work.ts'

test('silence counts from the last sign, or from the beginning of the work, and only while there is some', () => {
  const work = new EngineWork()
  expect(work.silentMs(0, 1000)).toBe(0)
  work.begin(1000)
  expect(work.silentMs(0, 1500)).toBe(500)
  work.begin(1600)
  work.end()
  // The first has gone on meanwhile.
  expect([work.silentMs(0, 1700), work.silentMs(1650, 1700)]).toEqual([700, 50])
  work.end()
  expect(work.silentMs(0, 5000)).toBe(0)
  work.begin(6000)
  expect(work.silentMs(1650, 6001)).toBe(1)
})
