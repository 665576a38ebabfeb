import { expect, test } from 'vitest'
import { labelOf } from './importance-options.ts'

test('a label without a window has the one that dynts fit recommends', () => {
  expect(labelOf({})).toBe('answer')
  expect(labelOf({ localWindow: 32 })).toBe('answer')
  expect(labelOf({ label: 'later' })).toBe('later:128')
  expect(labelOf({ label: 'later', localWindow: 32 })).toBe('later:32')
  expect(labelOf({ label: 'mix:512', localWindow: 32 })).toBe('mix:512')
})
