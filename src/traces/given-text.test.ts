import { describe, expect, test } from 'vitest'
import { partsOfFields, partsOfText } from './given-text.ts'

const own = { open: '[THINK]', close: '[/THINK]' }

describe('a text with the model’s own tags', () => {
  test.each<[string, string, object]>([
    ['whole', '[THINK] hm\n[/THINK]\n4 ', { thinking: ' hm\n', answer: '\n4 ', ended: true, cutFrom: 'tag' }],
    ['behind white space', '\n[THINK]hm[/THINK]4', { thinking: 'hm', answer: '4', ended: true, cutFrom: 'tag' }],
    ['begun behind its tag', '\nhm\n[/THINK]4', { thinking: '\nhm\n', answer: '4', ended: true, cutFrom: 'thinking' }],
    ['not closed', '[THINK]hm', { thinking: 'hm', answer: '', ended: false, cutFrom: 'tag' }],
    ['without a reply', '[THINK]hm[/THINK]\n', { thinking: 'hm', answer: '\n', ended: false, cutFrom: 'tag' }],
    ['thinks again', 'a[/THINK]b[THINK]c[/THINK]d', { thinking: 'a', answer: 'b[THINK]c[/THINK]d', ended: true }],
  ])('%s', (_, text, parts) => {
    expect(partsOfText(text, own)).toMatchObject(parts)
  })
})

test.each<[string, string, object]>([
  ['R1', '<think>\nhm\n</think>\n\n4', { thinking: 'hm', answer: '4', ended: true }],
  ['begun behind its tag', 'hm\n</think>\n\n4', { thinking: 'hm', answer: '4', ended: true }],
  ['not closed', '<think>\nhm', { thinking: 'hm', answer: '', ended: false }],
  [
    'OpenThoughts',
    '<|begin_of_thought|>\n\nhm\n\n<|end_of_thought|>\n\n<|begin_of_solution|>\n\n4\n\n<|end_of_solution|>',
    { thinking: 'hm', answer: '4', ended: true },
  ],
  [
    'OpenThoughts, cut off',
    '<|begin_of_thought|>hm<|end_of_thought|><|begin_of_solution|>It i',
    { thinking: 'hm', answer: '', ended: false },
  ],
])('tags of another model: %s', (_, text, parts) => {
  expect(partsOfText(text, own)).toEqual(parts)
})

test('words before the opening tag are no thinking, and neither is a text without tags', () => {
  expect(partsOfText('Well. [THINK]hm[/THINK]4', own)).toMatchObject({ thinking: '' })
  expect(partsOfText('4', own)).toEqual({ thinking: '', answer: '4', ended: true })
  expect(partsOfText(' ', own).ended).toBe(false)
})

test('two fields: what white space they have is not known', () => {
  expect(partsOfFields('\nhm\n', ' 4')).toEqual({ thinking: 'hm', answer: '4', ended: true })
  expect(partsOfFields('hm', '\n').ended).toBe(false)
})
