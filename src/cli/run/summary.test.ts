import { expect, test } from 'vitest'
import type { CacheReport, GenerateResult } from '../../engine/types.ts'
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
    thinkingEnd: 'model',
    stopText: null,
    usage: { promptTokens: 100, cachedPromptTokens: 0, thinkingTokens: 1400, answerTokens: 45 },
    cache: {
      policy: 'dynts',
      policyOptions: {},
      protect: [],
      budget: 320,
      localWindow: 32,
      ratio: 0.5,
      evictEvery: null,
      segments: null,
      valueReserve: null,
      peakCells: 320,
      meanCells: 254.6,
      finalCells: 244,
      evictions: 4,
      evictedTokens: 328,
      bytesPerCell: 3072,
      peakBytes: 983_040,
      allocatedCells: 512,
      allocatedBytes: 1_572_864,
      compactions: 4,
      degraded: false,
      ...cache,
    },
    timing: { prefillMs: 1, decodeMs: 1, forwardMs: 1, evictionMs: 1, scoringMs: 1, tokensPerSecond },
    seed: 0,
    tokens: [],
  }
}

test('one column for each policy', () => {
  const full = result({ cache: { peakCells: 1633, peakBytes: 5_016_576, evictions: 0 } })
  const table = summaryTable([
    { policy: 'dynts', results: [result()], wallMs: 1 },
    { policy: 'full', results: [full], wallMs: 1 },
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

test('several samples: answers by how often they came, the largest peak, the sum of allocations, speed by wall time', () => {
  const results = [
    result(),
    result({ answer: 'So \\boxed{7}', cache: { peakCells: 100, meanCells: 100, evictions: 2 } }),
    result({ answer: 'Or \\boxed{7}', cache: { peakCells: 100, meanCells: 100, evictions: 3 } }),
  ]
  const table = summaryTable([{ policy: 'dynts', results, wallMs: 2000 }])
  expect(table).toMatch(/^answer +7 \(2\), 20$/m)
  expect(table).toMatch(/^peak cells +320$/m)
  expect(table).toMatch(/^mean cells +152$/m)
  expect(table).toMatch(/^cache allocated +4\.5 MiB$/m)
  expect(table).toMatch(/^evictions +3$/m)
  expect(table).toMatch(/^tokens per second +2,168$/m)
})

test.each([
  ['', '(none)'],
  ['first line\nlast line ', 'last line'],
  ['an answer of many words that does not end', 'an answer of many words…'],
  ['\u001B[2Jred\u009B31m', '[2Jred31m'],
  ['\\boxed{1\u001B[2J\n  2}', '1[2J 2'],
])('the answer %j is shown as %j', (answer, shown) => {
  const [, row = ''] = summaryTable([{ policy: 'dynts', results: [result({ answer })], wallMs: 1 }]).split('\n')
  expect(row.replace(/^answer +/, '')).toBe(shown)
})

test('answer cells that had to leave are mentioned, and so is what helps', () => {
  const table = summaryTable([
    { policy: 'full', results: [result()], wallMs: 1 },
    { policy: 'dynts', results: [result({ cache: { degraded: true } })], wallMs: 1 },
  ])
  expect(table).toMatch(/\nAnswer cells had to leave under dynts: give a larger --budget\.$/)
})

test('a run that was interrupted before anything began', () => {
  expect(summaryTable([{ policy: 'dynts', results: [], wallMs: 0 }])).toMatch(/^peak cells +0$/m)
})
