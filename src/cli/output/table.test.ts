import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatTable, wrappedTable } from './table.ts'
import { textWidth } from './text-width.ts'

test('the first column to the left, the others to the right, no space at the end', () => {
  const rows = [
    ['', 'dynts', 'full'],
    ['answer', '20', '1234567'],
    ['cells', '320', ''],
  ]
  expect(formatTable(rows)).toBe('        dynts     full\nanswer     20  1234567\ncells     320')
})

test('texts are all to the left', () => {
  const rows = [
    ['a', 'bb', 'c'],
    ['aa', 'b', ''],
  ]
  expect(formatTable(rows, 'texts')).toBe('a   bb  c\naa  b')
})

test('rows may be short, or there may be none', () => {
  expect(formatTable([])).toBe('')
  expect(formatTable([['a'], ['b', 'c']])).toBe('a\nb  c')
})

test('wide characters are counted as two columns', () => {
  expect(
    formatTable([
      ['日本', '1'],
      ['a', '22'],
    ]),
  ).toBe('日本   1\na     22')
})

test('every line is as wide as the columns, or shorter', () => {
  const cell = fc.string({ unit: 'grapheme', maxLength: 12 }).map((text) => text.replace(/\s/g, ' '))
  fc.assert(
    fc.property(fc.array(fc.array(cell, { minLength: 3, maxLength: 3 }), { minLength: 1, maxLength: 5 }), (rows) => {
      const lines = formatTable(rows).split('\n')
      expect(lines).toHaveLength(rows.length)
      const column = (i: number) => Math.max(...rows.map((row) => textWidth(row[i] ?? '')))
      const width = column(0) + column(1) + column(2) + 4
      for (const line of lines) expect(textWidth(line)).toBeLessThanOrEqual(width)
    }),
  )
})

test('where texts are wider than there is room for, the widest give way and go on below', () => {
  const rows = [
    ['name', 'shows', 'needs'],
    ['live', 'what happens while it grows', 'a file'],
  ]
  expect(wrappedTable(rows, 30)).toBe(
    ['name  shows           needs', 'live  what happens    a file', '      while it grows'].join('\n'),
  )
  expect(wrappedTable(rows, 100)).toBe(formatTable(rows, 'texts'))
  // No word is cut, however narrow the terminal is.
  expect(wrappedTable(rows, 5).split(/\s+/).sort()).toEqual(rows.flat().join(' ').split(' ').sort())
})
