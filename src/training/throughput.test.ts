import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { Throughput } from './throughput.ts'

test('counts three products for every weight and token, over the time of the steps alone', async () => {
  const throughput = new Throughput([4, 8, 2, 1])
  throughput.machine(100)
  throughput.machine(300)
  await throughput.time(() => sleep(30))
  throughput.add(10)
  await sleep(30)
  const figures = throughput.figures()
  expect(figures).toMatchObject({ tokens: 10, machineFlopsPerSecond: 200 })
  expect(figures?.seconds).toBeGreaterThan(0.025)
  expect(figures?.flopsPerSecond).toBeCloseTo((10 * 6 * (32 + 16 + 2)) / figures!.seconds, 6)
  expect(figures?.ratio).toBeCloseTo(figures!.flopsPerSecond / 200, 12)
})

test('a run that had nothing left to train has no rate', () => {
  expect(new Throughput([4, 8, 2, 1]).figures()).toBeUndefined()
})
