import { expect, test } from 'vitest'
import type { FinishReason, ThinkingEnd } from '../../engine/types.ts'
import type { RunFlags } from './run-options.ts'
import { thinkingNotes } from './thinking-notes.ts'

const ended = (thinkingEnd: ThinkingEnd | null, finishReason: FinishReason = 'stop') => ({ thinkingEnd, finishReason })
const flags = (given: Partial<RunFlags> = {}) => given as RunFlags

test.each([
  ['a thinking that ended by itself', [ended('model')], flags(), []],
  ['none, of nothing that was asked', [ended(null)], flags(), []],
  [
    'one that was cut off',
    [ended('unclosed', 'length')],
    flags(),
    [
      'The thinking was never closed, so there is no answer: --answer-reserve N keeps room for one, --max-tokens gives more.',
    ],
  ],
  [
    'some of several',
    [ended('unclosed'), ended('model'), ended('unclosed', 'cancelled'), ended('loop')],
    flags({ stopLoops: true }),
    [
      'The model ended within its thinking, so there is no answer (1 of 4).',
      'The thinking was closed by --stop-loops (1 of 4).',
    ],
  ],
  [
    'a budget without thinking',
    [ended(null)],
    flags({ thinkingBudget: 0 }),
    [
      'The model did not think, so --thinking-budget had no effect. If its thinking has other tags, give --thinking-tags.',
    ],
  ],
])('%s', (_what, results, given, notes) => expect(thinkingNotes(results, given)).toEqual(notes))
