import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { withoutLongRuns } from './long-runs.ts'

describe('withoutLongRuns', () => {
  const kinds = fc.constantFrom('a', 'é', '漢', '7', '!', ' ', '\n', '😀', 'aB3+', 'ab ')
  const texts = fc.array(fc.tuple(kinds, fc.integer({ min: 1, max: 2500 })), { maxLength: 4 })

  test('joined, the pieces are the text; none has a run of more than 1000', () => {
    fc.assert(
      fc.property(texts, fc.constantFrom('gpt-4o', 'bloom', undefined), (parts, pre) => {
        const text = parts.map(([unit, count]) => unit.repeat(count)).join('')
        const pieces = withoutLongRuns(text, pre)
        expect(pieces.join('')).toBe(text)
        const run =
          pre === 'bloom' ? /\S{1001}|\s{1001}/u : /[\p{L}\p{M}]{1001}|\p{N}{1001}|\s{1001}|[^\s\p{L}\p{M}\p{N}]{1001}/u
        expect(pieces.some((piece) => run.test(piece))).toBe(false)
        expect(pieces.every((piece) => piece !== '' || text === '')).toBe(true)
      }),
      { numRuns: 40 },
    )
  })

  test('a text without long runs, or for a pre-tokenizer that takes them, is one piece', () => {
    const text = 'The answer is 42. '.repeat(500)
    expect(withoutLongRuns(text, 'gpt-4o')).toEqual([text])
    expect(withoutLongRuns('a'.repeat(100_000), 'qwen2')).toHaveLength(1)
    expect(withoutLongRuns('a'.repeat(100_000), 'gpt-4o')).toHaveLength(100)
  })
})
