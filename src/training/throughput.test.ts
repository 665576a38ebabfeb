import { expect, test } from 'vitest'
import { flopsPerToken, TrainingThroughput } from './throughput.ts'

test('counts what is computed: no gradient of the first layer’s input', () => {
  expect(flopsPerToken([4, 8, 2, 1])).toBe(6 * (32 + 16 + 2) - 2 * 32)
  expect(flopsPerToken([256, 512, 128, 1])).toBe(918_272)
})

test('counts the time of the steps alone', async () => {
  let now = 1000
  const throughput = new TrainingThroughput([4, 8, 2, 1], () => now)
  throughput.machine(100)
  throughput.machine(300)
  for (const step of [1, 2]) {
    await throughput.time(() => Promise.resolve((now += 2000 * step)))
    throughput.add(5)
    now += 30_000
  }
  expect(throughput.figures()).toEqual({
    tokens: 10,
    seconds: 6,
    flopsPerToken: 236,
    flopsPerSecond: 2360 / 6,
    machineFlopsPerSecond: 200,
    ratio: 2360 / 6 / 200,
  })
})

test('a run that had nothing left to train has no rate', () => {
  expect(new TrainingThroughput([4, 8, 2, 1]).figures()).toBeUndefined()
})
