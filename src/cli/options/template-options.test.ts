import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { templateOptions } from './template-options.ts'

const folder = mkdtempSync(join(tmpdir(), 'dynts-template-'))
afterAll(() => rmSync(folder, { recursive: true }))
const file = (name: string, text: string) => {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}
const failure = (code: string, message: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) as string }) as Error

test('a template is a file, or its text', () => {
  expect(templateOptions({})).toEqual({})
  expect(templateOptions({ chatTemplate: '{{ messages }}' })).toEqual({ chatTemplate: '{{ messages }}' })
  expect(templateOptions({ chatTemplate: file('a.jinja', '{% x %}') })).toEqual({ chatTemplate: '{% x %}' })
})

test('values are what they say', () => {
  const templateVar = ['effort=high', 'a=true', 'b=-1.5', 'c=', 'd=null', 'e=1e5', 'f=x=y']
  expect(templateOptions({ templateVar }).templateVariables).toEqual({
    ...{ effort: 'high', a: true, b: -1.5, c: '', d: null, e: '1e5', f: 'x=y' },
  })
})

test('tags are a pair', () => {
  const thinkingTags = { open: '<a>', close: '</a>' }
  expect(templateOptions({ thinkingTags: ['<a>', '</a>'] })).toEqual({ thinkingTags })
})

test.each([
  [{ chatTemplate: 'none.jinja' }, 'template_not_found', /none\.jinja/],
  [{ chatTemplate: file('empty.jinja', ' \n') }, 'invalid_template', /is empty/],
  [{ templateVar: ['effort'] }, 'invalid_option', /takes name=value, not "effort"/],
  [{ templateVar: ['messages=1'] }, 'invalid_option', /is given messages anyway/],
])('%j is refused', (flags, code, message) => {
  expect(() => templateOptions(flags)).toThrow(failure(code, message))
})
