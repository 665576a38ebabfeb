import { expect, test } from 'vitest'
import { sameNames } from './name-list.ts'

test.each([
  'Ava, Ben, Cara',
  'Ava, Ben and Cara',
  'Ava, Ben, and Cara.',
  'ava; BEN; cara',
  '\\text{Ava, Ben, Cara}',
  '\\text{Ava},\\ \\text{Ben},\\;\\text{Cara}',
  '\\mathrm{Ava} \\to \\mathrm{Ben} \\rightarrow \\mathrm{Cara}',
  'Ava → Ben -> Cara',
  '\\{\\text{Ava}, \\text{Ben}, \\text{Cara}\\}',
  '**Ava**, **Ben**, **Cara**',
  '(Ava, Ben, Cara)',
])('%s: the same names in the same order', (given) => {
  expect(sameNames(given, 'Ava, Ben, Cara', true)).toBe(true)
  expect(sameNames(given, 'Ava, Ben, Cara', false)).toBe(true)
  expect(sameNames(given, 'Cara, Ava, Ben', false)).toBe(true)
  expect(sameNames(given, 'Cara, Ava, Ben', true)).toBe(false)
})

test.each([
  'Ava, Ben',
  'Ava, Ben, Cara, Dan',
  'Ava, Ben, Ben',
  'Ava, Ben, Dan',
  'Ava = 1, Ben, Cara',
  'Ava Ben Cara',
  'Ava > Ben > Cara',
  'not Ava, Ben, Cara',
  '',
  '3',
])('%s: others', (given) => {
  expect(sameNames(given, 'Ava, Ben, Cara', false)).toBe(false)
  expect(sameNames(given, 'Ava, Ben, Cara', true)).toBe(false)
})

test('Sandy and Andrea are whole names', () => {
  expect(sameNames('Sandy and Andrea', 'Andrea, Sandy', false)).toBe(true)
})
