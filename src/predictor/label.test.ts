import { expect, test } from 'vitest'
import { InputError } from '../errors.ts'
import { labelParts, parseLabel } from './label.ts'

test('a label names its local window, or has the one that is given, or 128', () => {
  expect(parseLabel('answer', 32)).toBe('answer')
  expect(parseLabel('later')).toBe('later:128')
  expect(parseLabel('mix', 32)).toBe('mix:32')
  expect(parseLabel('later:512', 32)).toBe('later:512')
  for (const text of ['answer', 'later:1', 'mix:64'] as const) expect(parseLabel(parseLabel(text))).toBe(text)
})

test.each(['answers', 'later:', 'later:0', 'mix:1.5', 'answer:3', 'later:-1', ''])('"%s" is no label', (text) => {
  expect(() => parseLabel(text)).toThrow(InputError)
})

test('what a label is made of', () => {
  expect(labelParts('answer')).toEqual({ answer: true, later: false, window: 1 })
  expect(labelParts('later:32')).toEqual({ answer: false, later: true, window: 32 })
  expect(labelParts('mix:32')).toEqual({ answer: true, later: true, window: 32 })
})
