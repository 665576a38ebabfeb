import { expect, test } from 'vitest'
import { breakEvenAtOnce, breakEvenDeferred, deferredBytesPerToken } from './predictor-bytes.ts'

test('scored at once, each token costs all the weights', () => {
  expect(breakEvenAtOnce(1, 100, 5000)).toBe(50)
  expect(breakEvenAtOnce(5, 100, 5000)).toBe(10)
})

test('deferred, the K tokens between two evictions share them', () => {
  expect(deferredBytesPerToken(50, 5000, 64)).toBe(100)
  // Two blocks: 64 tokens and 36.
  expect(deferredBytesPerToken(100, 5000, 64)).toBe(100)
})

test('at the break-even the cells that left save what the predictor reads', () => {
  // Less than a block: 6400 = 80². A K of 80 saves 80 x 100 bytes, and 640,000 bytes are read for 80 tokens.
  expect(breakEvenDeferred(1, 100, 640_000, 100)).toBe(80)
  expect(80 * 100).toBe(deferredBytesPerToken(80, 640_000, 100))
  // More than a block: 16 blocks of 25 tokens save 400 x 100 bytes, and one block of weights is read for 25 tokens.
  expect(breakEvenDeferred(1, 100, 1_000_000, 25)).toBe(400)
  expect(400 * 100).toBe(deferredBytesPerToken(400, 1_000_000, 25))
})
