import { expect, test } from 'vitest'
import { textWidth } from './text-width.ts'

test.each([
  ['', 0],
  ['abc', 3],
  ['naïve', 5],
  ['e\u0301', 1],
  ['日本語', 6],
  ['한국', 4],
  ['カナ', 4],
  ['ｶﾅ', 2],
  ['，。（１）', 10],
  ['©✔', 2],
  ['❤️', 2],
  ['👍🏽', 2],
  ['🙂', 2],
  ['👩‍👩‍👧', 2],
  ['█░', 2],
  ['a\tb', 10],
])('%j takes %i columns', (text, columns) => {
  expect(textWidth(text)).toBe(columns)
})
