import fc from 'fast-check'
import { expect, test } from 'vitest'
import { WordWrap } from './word-wrap.ts'

function wrapped(parts: readonly string[], columns: number): string {
  const wrap = new WordWrap(() => columns)
  return parts.map((part) => wrap.push(part)).join('') + wrap.flush()
}

test.each([
  [['one two three'], 8, 'one two\nthree'],
  [['on', 'e tw', 'o three'], 7, 'one two\nthree'],
  [['a line\n\nand another'], 20, 'a line\n\nand another'],
  [['a verylongwordthatgoeson b'], 10, 'a\nverylongwordthatgoeson b'],
  [['  indented'], 20, '  indented'],
  [['漢字 漢字 漢字'], 9, '漢字 漢字\n漢字'],
])('%j in %i columns', (parts, columns, expected) => expect(wrapped(parts, columns)).toBe(expected))

test('no line is wider than the terminal unless one word is, and no word is lost', () => {
  const word = fc.stringMatching(/^[a-z]{1,12}$/)
  fc.assert(
    fc.property(
      fc.array(word, { minLength: 1 }),
      fc.integer({ min: 12, max: 40 }),
      fc.nat(5),
      (words, columns, cut) => {
        const text = words.join(' ')
        const parts = text.match(new RegExp(`[^]{1,${cut + 1}}`, 'g')) ?? []
        const lines = wrapped(parts, columns).split('\n')
        expect(lines.every((line) => line.length <= columns)).toBe(true)
        expect(lines.join(' ').split(/ +/)).toEqual(words)
      },
    ),
  )
})
