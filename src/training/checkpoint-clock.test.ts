import { expect, test } from 'vitest'
import { CheckpointClock } from './checkpoint-clock.ts'

test('a checkpoint is due when so much time has passed since the last was written', () => {
  let now = 5000
  const clock = new CheckpointClock({ checkpointSeconds: 60 }, 0, () => now)
  now += 59_999
  expect(clock.isDue(1000)).toBe(false)
  now += 1
  expect(clock.isDue(1001)).toBe(true)
  now += 4000
  clock.saved(1001)
  now += 59_999
  expect(clock.isDue(1002)).toBe(false)
  now += 1
  expect(clock.isDue(1002)).toBe(true)
})

test('also after so many steps, where that is asked for', () => {
  const clock = new CheckpointClock({ checkpointSeconds: 60, checkpointSteps: 7 }, 0, () => 0)
  expect([6, 7, 8, 14].map((step) => clock.isDue(step))).toEqual([false, true, false, true])
})

test('without waiting every step is one', () => {
  const clock = new CheckpointClock({ checkpointSeconds: 0 }, 0, () => 0)
  expect(clock.isDue(1)).toBe(true)
})

test('knows whether something would be lost', () => {
  const clock = new CheckpointClock({ checkpointSeconds: 60 }, 14, () => 0)
  expect([clock.isBehind(14), clock.isBehind(15)]).toEqual([false, true])
  clock.saved(15)
  expect(clock.isBehind(15)).toBe(false)
})
