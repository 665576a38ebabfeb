import { expect, test } from 'vitest'
import { PassingFailure, withBackOff } from './back-off.ts'

const passing = () => Promise.reject(new PassingFailure('not yet'))

test('as many retries as were asked for, and no more', async () => {
  let tries = 0
  const work = () => (tries++, passing())
  await expect(withBackOff({ retries: 3, firstMs: 0 }, work)).rejects.toThrow('not yet')
  expect(tries).toBe(4)
})

test('what does not pass is thrown at once', async () => {
  let tries = 0
  const work = () => (tries++, Promise.reject(new TypeError('a bug')))
  await expect(withBackOff({ retries: 3, firstMs: 0 }, work)).rejects.toThrow('a bug')
  expect(tries).toBe(1)
})

test('a failure may want fewer retries', async () => {
  let tries = 0
  const work = () => (tries++, Promise.reject(new PassingFailure('hopeless', { mostRetries: 1 })))
  await expect(withBackOff({ retries: 3, firstMs: 0 }, work)).rejects.toThrow('hopeless')
  expect(tries).toBe(2)
})

test('retries are counted anew while the work gets further', async () => {
  let done = 0
  let tries = 0
  const work = () => {
    tries++
    if (done < 5) done++
    return passing()
  }
  await expect(withBackOff({ retries: 2, firstMs: 0, progress: () => done }, work)).rejects.toThrow('not yet')
  expect(tries).toBe(5 + 2)
})

test('an abort ends the wait', async () => {
  const controller = new AbortController()
  const waits = withBackOff({ retries: 3, firstMs: 100_000, signal: controller.signal }, () => {
    setImmediate(() => controller.abort())
    return passing()
  })
  await expect(waits).rejects.toThrow(/aborted/)
})
