import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseCsv } from './csv.ts'

const parse = (text: string) => parseCsv(text, 'f.csv')

describe('parseCsv', () => {
  test.each([
    [
      'plain',
      'a,b\n1,2\n3,4\n',
      [
        { a: '1', b: '2' },
        { a: '3', b: '4' },
      ],
    ],
    ['CRLF, a byte order mark, no end of the last line', '\uFEFFa,b\r\n1,2', [{ a: '1', b: '2' }]],
    ['commas, quotes and line breaks in quotes', 'a,b\n"x, ""y""","1\n2"\n', [{ a: 'x, "y"', b: '1\n2' }]],
    [
      'empty fields',
      'a,b\n,\n"",\n',
      [
        { a: '', b: '' },
        { a: '', b: '' },
      ],
    ],
    ['empty lines', 'a,b\n\n1,2\n\n', [{ a: '1', b: '2' }]],
    ['a quote within plain text', 'a,b\n6" pipe,x\n', [{ a: '6" pipe', b: 'x' }]],
    [
      'LF and CRLF',
      'a,b\n1,2\r\n3,"4\r\n5"\n',
      [
        { a: '1', b: '2' },
        { a: '3', b: '4\n5' },
      ],
    ],
    ['a header alone', 'a,b\n', []],
    ['nothing', '', []],
  ])('%s', (_, text, rows) => expect(parse(text)).toEqual(rows))

  test.each([
    ['a quote that is not closed', 'a\n"x\n'],
    ['text behind a quote', 'a\n"x"y\n'],
    ['too few fields', 'a,b\n1\n'],
    ['too many fields', 'a,b\n1,2,3\n'],
  ])('refuses %s', (_, text) => {
    expect(() => parse(text)).toThrow(
      expect.objectContaining({ code: 'invalid_csv', message: expect.stringMatching(/^f\.csv/) as string }) as Error,
    )
  })

  test('gives back whatever was written', () => {
    const field = fc.string({ unit: fc.constantFrom('a', ',', '"', '\n', '\r\n', ' ', 'é') })
    const quote = (value: string) => `"${value.replaceAll('"', '""')}"`
    fc.assert(
      fc.property(fc.array(fc.tuple(field, field), { minLength: 1 }), (rows) => {
        const text = [['x', 'y'], ...rows].map((row) => row.map(quote).join(',')).join('\n')
        const lines = (value: string) => value.replaceAll('\r\n', '\n')
        expect(parse(text)).toEqual(rows.map(([x, y]) => ({ x: lines(x), y: lines(y) })))
      }),
    )
  })
})
