import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { templateHash } from './template-hash.ts'

test('nothing given is no hash', () => {
  expect(templateHash({})).toBeNull()
  expect(templateHash({ templateVariables: {} })).toBeNull()
})

test('template, variables and tags each count; the order of variables does not', () => {
  const given = { chatTemplate: 'a', templateVariables: { x: 1, y: 2 }, thinkingTags: { open: '<a>', close: '</a>' } }
  const text = '["a",[["x",1],["y",2]],["<a>","</a>"]]'
  expect(templateHash(given)).toBe(createHash('sha256').update(text).digest('hex'))
  expect(templateHash({ ...given, templateVariables: { y: 2, x: 1 } })).toBe(templateHash(given))
  const others = [
    { ...given, chatTemplate: 'b' },
    { ...given, chatTemplate: undefined },
    { ...given, templateVariables: { x: 1 } },
    { ...given, thinkingTags: { open: '<a>', close: '</b>' } },
    { ...given, thinkingTags: undefined },
  ]
  expect(new Set([given, ...others].map(templateHash)).size).toBe(others.length + 1)
})
