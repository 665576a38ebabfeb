import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { flopsPerToken, Throughput } from './throughput.ts'

test('counts what is computed: no gradient of the first layer’s input', () => {
  expect(flopsPerToken([4, 8, 2, 1])).toBe(6 * (32 + 16 + 2) - 2 * 32)
  expect(flopsPerToken([256, 512, 128, 1])).toBe(918_272)
})

test('counts the time of the steps alone', async () => {
  const throughput = new Throughput([4, 8, 2, 1])
  throughput.machine(100)
  throughput.machine(300)
  await throughput.time(() => sleep(30))
  throughput.add(10)
  await sleep(30)
  const figures = throughput.figures()
  expect(figures).toMatchObject({ tokens: 10, flopsPerToken: 236, machineFlopsPerSecond: 200 })
  expect(figures?.seconds).toBeGreaterThan(0.025)
  expect(figures?.flopsPerSecond).toBeCloseTo((10 * 236) / figures!.seconds, 6)
  expect(figures?.ratio).toBeCloseTo(figures!.flopsPerSecond / 200, 12)
})

test('a run that had nothing left to train has no rate', () => {
  expect(new Throughput([4, 8, 2, 1]).figures()).toBeUndefined()
})
