import { expect, test } from 'vitest'
import { resolveCacheSettings } from './prepare.ts'

test('what a request gives wins over what the predictor recommends, and that over the defaults', () => {
  expect(resolveCacheSettings({}, {})).toEqual({ budget: 4096, localWindow: 1024, ratio: 0.4 })
  const recommended = { budget: 320, localWindow: 32, ratio: undefined }
  expect(resolveCacheSettings(recommended, {})).toEqual({ budget: 320, localWindow: 32, ratio: 0.4 })
  expect(resolveCacheSettings(recommended, { budget: 256, ratio: 0.5 })).toEqual({
    budget: 256,
    localWindow: 32,
    ratio: 0.5,
  })
})

test('the default local window shrinks for a budget that it would fill, a given one does not', () => {
  expect(resolveCacheSettings({}, { budget: 3000 }).localWindow).toBe(1024)
  expect(resolveCacheSettings({}, { budget: 2048 }).localWindow).toBe(1024)
  expect(resolveCacheSettings({}, { budget: 2047 }).localWindow).toBe(511)
  expect(resolveCacheSettings({}, { budget: 512 }).localWindow).toBe(128)
  expect(resolveCacheSettings({}, { budget: 512, localWindow: 500 }).localWindow).toBe(500)
  expect(resolveCacheSettings({ localWindow: 300 }, { budget: 512 }).localWindow).toBe(300)
})
