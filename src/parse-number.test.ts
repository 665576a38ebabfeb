import { expect, test } from 'vitest'
import { parseNumber } from './parse-number.ts'

test.each([
  ['0', 0],
  ['-0', 0],
  ['007', 7],
  ['-12', -12],
  ['0.25', 0.25],
  ['.5', 0.5],
  ['5e-4', 0.0005],
  ['1E3', 1000],
])('%s', (text, value) => expect(parseNumber(text)).toBe(value))

test.each([
  '',
  ' ',
  ' 5',
  '5 ',
  '+5',
  '5.',
  '0x10',
  '0b1',
  '1_000',
  '1,5',
  'Infinity',
  '-Infinity',
  'NaN',
  '1e999',
  '٥',
  'five',
])('%j is none', (text) => expect(parseNumber(text)).toBeUndefined())
