import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { maskMessages, tokenizeMarked } from './untrusted-text.ts'
import { fakeVocabulary, openTag, textOf } from './vocabulary.fake.ts'

const specials = ['<think>', '</think>', '<eos>']
const user = (content: string) => [{ role: 'user' as const, content }]

describe('maskMessages', () => {
  test('leaves alone what spells no special token, and what is not a user’s', () => {
    const plain = user('a < b > c')
    expect(maskMessages({ messages: plain }, specials)).toEqual({ messages: plain, marks: undefined })
    const own = [{ role: 'assistant' as const, content: '<think>a</think>b' }]
    expect(maskMessages({ messages: own }, specials).messages).toEqual(own)
  })

  test('hides each occurrence, and the marks bring it back', () => {
    const texts = fc.array(
      fc.constantFrom(
        'a',
        ' ',
        '<',
        '</',
        'think>',
        '<think>',
        '</think>',
        '<eos>',
        '\u{f0000}',
        '\u{f0000}7\u{f0000}',
        '0',
      ),
    )
    fc.assert(
      fc.property(texts, (parts) => {
        const text = parts.join('')
        const { messages, marks } = maskMessages({ messages: user(text) }, specials)
        const masked = messages[0]!.content
        expect(specials.some((special) => masked.includes(special))).toBe(false)
        const restored = marks
          ? masked.replace(marks.pattern, (_, index: string) => marks.hidden[Number(index)]!)
          : masked
        expect(restored).toBe(text)
      }),
    )
  })
})

test('the tokens spell the same text, without a special token', () => {
  const text = 'a<think>b<think>'
  const { messages, marks } = maskMessages({ messages: user(text) }, specials)
  const tokens = tokenizeMarked(fakeVocabulary, messages[0]!.content, marks!, { addBos: false })
  expect(textOf(tokens)).toBe(text)
  expect([...tokens]).not.toContain(openTag)
})
