import { expect, test } from 'vitest'
import { didYouMean } from './did-you-mean.ts'

const names = ['dynts', 'dynts-bottom', 'streaming-llm', 'window', 'full', 'maxTokens']

test.each([
  ['dynt', 'dynts'],
  ['DynTS', 'dynts'],
  ['dynts_botom', 'dynts-bottom'],
  ['streaming', 'streaming-llm'],
  ['windows', 'window'],
  ['maxToken', 'maxTokens'],
  ['MAXTOKENS', 'maxTokens'],
  ['max', 'maxTokens'],
  ['stream', 'streaming-llm'],
])('%s means %s', (given, expected) => {
  expect(didYouMean(given, names)).toBe(` Did you mean ${expected}?`)
})

test.each(['h2o', '', 'q'.repeat(1000)])('nothing is near "%s"', (given) => {
  expect(didYouMean(given, names)).toBe('')
})
