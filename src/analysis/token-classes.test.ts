import fc from 'fast-check'
import { expect, test } from 'vitest'
import { tokenClasses } from './token-classes.ts'
import { loadWordTagger, wordClasses, type TaggedWord, type WordClass } from './word-tagger.ts'

test('a word’s tokens have its class, a token of two words that of the longer part', async () => {
  const tag = await loadWordTagger()
  const tokens = [
    'The',
    ' multi',
    'plic',
    'ation',
    ' of',
    ' ',
    ' 1',
    '2',
    '.',
    '5',
    ' and',
    '\n\n',
    '…',
    ' \\',
    'fr',
    'ac',
    '{',
    '3x',
  ]
  const expected =
    'function content content content function function symbol symbol symbol symbol function function function symbol symbol symbol function symbol'
  expect(tokenClasses(tokens, tag(tokens.join(''))).join(' ')).toBe(expected)
})

const word = (start: number, end: number, wordClass: WordClass): TaggedWord => ({ start, end, wordClass })

test('of two words with as many characters the first counts; a part of a character has the class of what follows', () => {
  const words = [word(0, 2, 'content'), word(2, 4, 'symbol'), word(5, 6, 'function'), word(6, 9, 'content')]
  expect(tokenClasses(['a', 'bc', 'd', ' e', 'fgh'], words)).toEqual([
    'content',
    'content',
    'symbol',
    'function',
    'content',
  ])
  expect(tokenClasses(['ab', '', 'cd', ' ', '', 'efgh'], words)).toEqual([
    ...['content', 'symbol', 'symbol', 'function', 'function', 'content'],
  ])
  expect(tokenClasses([], words)).toEqual([])
  expect(tokenClasses(['x', ''], [])).toEqual(['function', 'function'])
})

test('each token as by counting its characters', () => {
  const letters = fc.array(
    fc.record({ length: fc.integer({ min: 1, max: 4 }), wordClass: fc.constantFrom(undefined, ...wordClasses) }),
  )
  fc.assert(
    fc.property(letters, fc.array(fc.integer({ min: 0, max: 5 })), (parts, lengths) => {
      const ofCharacter = parts.flatMap(({ length }, part) => Array.from({ length }, () => part))
      let end = 0
      const words = parts.flatMap(({ length, wordClass }) => {
        end += length
        return wordClass ? [word(end - length, end, wordClass)] : []
      })
      let start = 0
      const tokens = lengths.map((length) => 'x'.repeat(Math.max(0, Math.min(length, ofCharacter.length - start++))))
      let at = 0
      const expected = tokens.map(({ length }) => {
        const seen = ofCharacter.slice(at, at + Math.max(length, 1)).filter((part) => parts[part]?.wordClass)
        at += length
        const count = (part: number) => seen.filter((each) => each === part).length
        const [best] = [...new Set(seen)].sort((a, b) => count(b) - count(a) || a - b)
        return parts[best ?? -1]?.wordClass ?? 'function'
      })
      expect(tokenClasses(tokens, words)).toEqual(expected)
    }),
  )
})
