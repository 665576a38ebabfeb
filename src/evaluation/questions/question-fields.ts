/**
 * The fields of a record of questions, found by the names that public data sets give them. Case, spaces, `_` and `-` in a name
 * do not matter; a field inside another one is called `outer.inner`.
 */
import { InputError } from '../../errors.ts'
import { isObject } from '../../is-object.ts'
import type { QuestionRow } from './question-rows.ts'

export interface Field {
  /** As the file has it. */
  readonly name: string
  readonly value: unknown
}

/** What a row of a file holds, for look-ups. */
export interface Fields {
  readonly path: string
  readonly place: string
  /** In the row's order, what is inside of objects after them. */
  readonly all: readonly (Field & { readonly plain: string })[]
}

export function fieldsOf(row: QuestionRow, path: string): Fields {
  const outer = Object.entries(row.fields)
  const inner = outer.flatMap(([name, value]) =>
    isObject(value) ? Object.entries(value).map(([key, item]) => [`${name}.${key}`, item] as const) : [],
  )
  const all = [...outer, ...inner].map(([name, value]) => ({ name, value, plain: plainName(name) }))
  return { path, place: row.place, all }
}

export function plainName(name: string): string {
  return name.toLowerCase().replace(/[\s_-]+/g, '')
}

/** The fields of these names, in the order of the names. */
export function named({ all }: Fields, names: readonly string[]): Field[] {
  return names.flatMap((wanted) => all.filter(({ plain }) => plain === wanted))
}

export type Part = 'question' | 'answer' | 'id'

/** The field that the user chose, by its exact name or `outer.inner`. @throws InputError `invalid_questions` */
export function chosenField(fields: Fields, name: string, part: Part): Field {
  const found = fields.all.find((field) => field.name === name)
  if (found) return found
  throw refusal(fields, part, `looked for "${name}"`)
}

/** Whether a value holds nothing: null, blank, not a number (as tables write what is missing), or only such items. */
export function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null) return true
  if (typeof value === 'string') return value.trim() === ''
  if (typeof value === 'number') return Number.isNaN(value)
  return Array.isArray(value) && value.every(isEmpty)
}

/** @param why what was looked for, or found instead */
export function refusal(fields: Fields, part: Part, why: string): InputError {
  return new InputError(
    'invalid_questions',
    `${isMissing(fields, part, why)} Name the right one with \`${part}Field\`.`,
  )
}

/** A sentence for messages. */
export function isMissing({ path, place, all }: Fields, what: string, why: string): string {
  const names = all.map(({ name }) => name).join(', ') || 'none'
  return `${path}: no ${what} in ${place} (${why}; its fields: ${names}).`
}

export interface Message {
  readonly role: string
  readonly content: string
}

/** A conversation as `[{ role, content }]` or `[{ from, value }]`; undefined if it is none. */
export function messagesOf(value: unknown): Message[] | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined
  const messages = value.map((item: unknown): Message | undefined => {
    if (!isObject(item)) return undefined
    const role = item['role'] ?? item['from']
    const content = item['content'] ?? item['value']
    return typeof role === 'string' && typeof content === 'string' ? { role: plainRole(role), content } : undefined
  })
  return messages.every((message) => message !== undefined) ? messages : undefined
}

/** `user` for `human`, `assistant` for `gpt`; others as they are. */
export function plainRole(role: string): string {
  if (role === 'human') return 'user'
  return role === 'gpt' ? 'assistant' : role
}
