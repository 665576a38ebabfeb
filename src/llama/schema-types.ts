/** Which types of JSON a schema allows, as far as its keywords name them. */

import { isObject } from '../is-object.ts'

/** `number` for whole numbers too. */
export type JsonType = 'object' | 'array' | 'string' | 'number' | 'boolean' | 'null'
export type TypeName = JsonType | 'integer'

const deepest = 8

/**
 * @param root where references lead
 * @returns empty: any
 */
export function typesOf(schema: unknown, root: unknown): ReadonlySet<JsonType> {
  return new Set([...typeNamesOf(schema, root)].map((name) => (name === 'integer' ? 'number' : name)))
}

/** The same with `integer` where nothing else is a number. */
export function typeNamesOf(schema: unknown, root: unknown, depth = 0): ReadonlySet<TypeName> {
  if (typeof schema !== 'object' || schema === null || depth > deepest) return new Set()
  const given = schema as Readonly<Record<string, unknown>>
  const { $ref, type, anyOf, oneOf } = given
  if (typeof $ref === 'string') return typeNamesOf(targetOf($ref, root), root, depth + 1)
  if (Array.isArray(given['enum'])) return new Set(given['enum'].map(nameOf))
  if ('const' in given) return new Set([nameOf(given['const'])])
  const choice = anyOf ?? oneOf
  if (Array.isArray(choice)) {
    const all = choice.map((one) => typeNamesOf(one, root, depth + 1))
    return all.some(({ size }) => size === 0) ? new Set() : new Set(all.flatMap((names) => [...names]))
  }
  const names = (Array.isArray(type) ? type : [type]) as unknown[]
  return new Set(names.filter(isTypeName))
}

/** Whether a schema allows every text, as far as its keywords say. @param root where references lead */
export function allowsAnyText(schema: unknown, root: unknown, depth = 0): boolean {
  if (schema === true) return true
  if (!isObject(schema) || depth > deepest) return false
  const { $ref, type, anyOf, oneOf } = schema
  if (['enum', 'const', 'minLength', 'maxLength'].some((name) => schema[name] !== undefined)) return false
  if (typeof $ref === 'string') return allowsAnyText(targetOf($ref, root), root, depth + 1)
  const choice = anyOf ?? oneOf
  if (Array.isArray(choice)) return choice.some((one) => allowsAnyText(one, root, depth + 1))
  return type === undefined || (Array.isArray(type) ? type : [type]).includes('string')
}

/** Of a value that was JSON. */
export function typeOf(value: unknown): JsonType {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'array' : (typeof value as JsonType)
}

/** The same, with `integer` for whole numbers. */
export function nameOf(value: unknown): TypeName {
  return Number.isInteger(value) ? 'integer' : typeOf(value)
}

function isTypeName(name: unknown): name is TypeName {
  return ['object', 'array', 'string', 'number', 'integer', 'boolean', 'null'].includes(name as string)
}

function targetOf(reference: string, root: unknown): unknown {
  if (!reference.startsWith('#')) return undefined
  const parts = reference.slice(1).split('/').slice(1)
  const keys = parts.map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
  return keys.reduce<unknown>((at, key) => (at as Readonly<Record<string, unknown>> | undefined)?.[key], root)
}
