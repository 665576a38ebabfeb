/** Against what jinja2 made of the same templates: test/fixtures/templates/generate.py. */
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { renderJinja } from './render.ts'
import { strftime } from './strftime.ts'

const folder = new URL('../../../test/fixtures/templates/', import.meta.url)
const read = (name: string) => readFileSync(new URL(name, folder), 'utf8')
const conversations = JSON.parse(read('conversations.json')) as Readonly<Record<string, readonly unknown[]>>
const { variables, settings, now, expected } = JSON.parse(read('expected.json')) as {
  readonly variables: object
  readonly settings: Readonly<Record<string, object>>
  readonly now: string
  readonly expected: Readonly<Record<string, Readonly<Record<string, string | { readonly refused: string }>>>>
}
const names = readdirSync(folder).flatMap((file) => (file.endsWith('.jinja') ? [file.replace('.jinja', '')] : []))

test('each template has its texts', () => {
  expect(Object.keys(expected)).toEqual(names.sort())
  for (const texts of Object.values(expected)) {
    expect(Object.keys(texts)).toHaveLength(Object.keys(conversations).length * Object.keys(settings).length)
  }
})

describe.each(names)('%s, as jinja2 renders it', (name) => {
  const template = read(`${name}.jinja`)
  test.each(Object.entries(expected[name] ?? {}))('%s', (title, text) => {
    const [conversation = '', setting = ''] = title.split(', ')
    const strftime_now = (format: string) => strftime(new Date(now), format)
    const given = { ...variables, ...settings[setting], messages: conversations[conversation], strftime_now }
    const render = () => renderJinja(template, given)
    if (typeof text === 'string') expect(render()).toBe(text)
    else expect(render).toThrow(text.refused)
  })
})
