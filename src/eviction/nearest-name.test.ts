import { expect, test } from 'vitest'
import { nearestName } from './nearest-name.ts'

const names = ['dynts', 'dynts-bottom', 'streaming-llm', 'window', 'full']

test.each([
  ['dynt', 'dynts'],
  ['DynTS', 'dynts'],
  ['dynts_botom', 'dynts-bottom'],
  ['streaming', 'streaming-llm'],
  ['windows', 'window'],
  ['h2o', undefined],
  ['', undefined],
])('%s means %s', (given, expected) => {
  expect(nearestName(given, names)).toBe(expected)
})
