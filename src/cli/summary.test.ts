import { expect, test } from 'vitest'
import type { CacheReport, GenerateResult } from '../engine/types.ts'
import { summaryTable } from './summary.ts'

function result(
  changes: { answer?: string; cache?: Partial<CacheReport>; tokensPerSecond?: number } = {},
): GenerateResult {
  const { answer = 'The answer is \\boxed{20}.', cache, tokensPerSecond = 500 } = changes
  return {
    text: '',
    thinking: '',
    answer,
    finishReason: 'stop',
    usage: { promptTokens: 100, thinkingTokens: 1400, answerTokens: 45 },
    cache: {
      policy: 'dynts',
      budget: 320,
      localWindow: 32,
      ratio: 0.5,
      peakCells: 320,
      meanCells: 254.6,
      finalCells: 244,
      evictions: 4,
      evictedTokens: 328,
      bytesPerCell: 3072,
      peakBytes: 983_040,
      allocatedBytes: 1_572_864,
      compactions: 4,
      degraded: false,
      ...cache,
    },
    timing: { prefillMs: 1, decodeMs: 1, evictionMs: 1, scoringMs: 1, tokensPerSecond },
    seed: 0,
    tokens: [],
  }
}

test('one column for each policy', () => {
  const full = result({ cache: { peakCells: 1633, peakBytes: 5_016_576, evictions: 0 } })
  const table = summaryTable([
    { policy: 'dynts', results: [result()] },
    { policy: 'full', results: [full] },
  ])
  expect(table).toBe(
    [
      '                     dynts     full',
      'answer                  20       20',
      'thinking tokens      1,400    1,400',
      'answer tokens           45       45',
      'peak cells             320    1,633',
      'mean cells             255      255',
      'cache at its peak  960 KiB  4.8 MiB',
      'cache allocated    1.5 MiB  1.5 MiB',
      'evictions                4        0',
      'tokens per second      500      500',
      'ended by              stop     stop',
    ].join('\n'),
  )
})

test('several samples: all answers, the largest peak, the sum of allocations and speeds, the mean of the rest', () => {
  const results = [
    result(),
    result({ answer: 'So \\boxed{7}', cache: { peakCells: 100, meanCells: 100, evictions: 2 } }),
  ]
  const table = summaryTable([{ policy: 'dynts', results }])
  expect(table).toMatch(/^answer +20 \| 7$/m)
  expect(table).toMatch(/^peak cells +320$/m)
  expect(table).toMatch(/^mean cells +177$/m)
  expect(table).toMatch(/^cache allocated +3\.0 MiB$/m)
  expect(table).toMatch(/^evictions +3$/m)
  expect(table).toMatch(/^tokens per second +1,000$/m)
})

test.each([
  ['', '(none)'],
  ['first line\nlast line ', 'last line'],
  ['an answer of many words that does not end', 'an answer of many words…'],
])('an answer without a box: %j is shown as %j', (answer, shown) => {
  const [, row = ''] = summaryTable([{ policy: 'dynts', results: [result({ answer })] }]).split('\n')
  expect(row.replace(/^answer +/, '')).toBe(shown)
})

test('answer cells that had to leave are mentioned, and so is what helps', () => {
  const table = summaryTable([
    { policy: 'full', results: [result()] },
    { policy: 'dynts', results: [result({ cache: { degraded: true } })] },
  ])
  expect(table).toMatch(/\nAnswer cells had to leave under dynts: give a larger --budget\.$/)
})

test('a run that was interrupted before anything began', () => {
  expect(summaryTable([{ policy: 'dynts', results: [] }])).toMatch(/^peak cells +0$/m)
})
