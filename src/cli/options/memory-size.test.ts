import { expect, test } from 'vitest'
import { memorySize } from './memory-size.ts'

test.each([
  ['16GB', 16e9],
  ['16 GiB', 16 * 2 ** 30],
  ['1.5k', 1500],
  ['1e9', 1e9],
  ['700M', 7e8],
  ['42B', 42],
])('%s is %d bytes', (text, bytes) => expect(memorySize('--memory', text)).toBe(bytes))

test.each(['16', '999999'])('%j is not taken for bytes', (text) => {
  expect(() => memorySize('--memory', text)).toThrow(/--memory takes a size such as 16GB; ".*" has no unit/)
})

test.each(['', 'much', '-1GB', '0', '16XB', '16 GB RAM'])('%j is no size', (text) => {
  expect(() => memorySize('--memory', text)).toThrow(/--memory takes a size/)
})
