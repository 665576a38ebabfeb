/** A JSON schema as a grammar of llama.cpp. */
import { isObject } from '../is-object.ts'
import { GrammarRules, literal, unsupported } from './grammar-rules.ts'
import { membersBody, type Member } from './member-grammar.ts'
import { nameOf, typeNamesOf, type TypeName } from './schema-types.ts'

export type JsonSchema = boolean | { readonly [keyword: string]: unknown }

export interface SchemaGrammar {
  readonly gbnf: string
  /** JSON pointers of keywords that are accepted and not enforced. */
  readonly notEnforced: readonly string[]
}

const deepest = 32
const mostRepetitions = 1000

const notEnforced: ReadonlySet<string> = new Set([
  ...['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf', 'format', 'uniqueItems'],
  ...['minProperties', 'maxProperties'],
])
const withoutMeaning: ReadonlySet<string> = new Set([
  ...[
    '$schema',
    '$id',
    '$comment',
    'title',
    'description',
    'default',
    'examples',
    'deprecated',
    'readOnly',
    'writeOnly',
  ],
  ...['$defs', 'definitions', 'strict'],
])
const understood: ReadonlySet<string> = new Set([
  ...[
    'type',
    'enum',
    'const',
    'properties',
    'required',
    'additionalProperties',
    'items',
    'prefixItems',
    'minItems',
    'maxItems',
  ],
  ...['minLength', 'maxLength', 'anyOf', 'oneOf', '$ref'],
])
const types = ['object', 'array', 'string', 'number', 'integer', 'boolean', 'null'] as const

/**
 * The grammar of all JSON that fits the schema.
 * @throws InputError `unsupported_schema` naming the place
 */
export function schemaGrammar(schema: JsonSchema): SchemaGrammar {
  const rules = new GrammarRules()
  const converter = new SchemaConverter(schema, rules)
  const rule = converter.ruleOf(schema)
  return { gbnf: rules.text(`lead ${rule} ws`), notEnforced: converter.notEnforced }
}

/** Makes rules of a schema and its parts. */
export class SchemaConverter {
  readonly #root: JsonSchema
  readonly #rules: GrammarRules
  readonly #references = new Map<string, string>()
  readonly #notEnforced: string[] = []

  /** @param root where references lead */
  constructor(root: JsonSchema, rules: GrammarRules) {
    this.#root = root
    this.#rules = rules
  }

  get notEnforced(): readonly string[] {
    return this.#notEnforced
  }

  /**
   * The name of the rule of all JSON that fits the schema, or a part of it.
   * @param at JSON pointer of the part
   * @throws InputError `unsupported_schema` naming the place
   */
  ruleOf(schema: unknown, at = ''): string {
    return this.#ruleOf(schema, at, 0)
  }

  #ruleOf(schema: unknown, at: string, depth: number): string {
    if (depth > deepest) throw unsupported(at, `it nests deeper than ${deepest} levels`)
    if (schema === true) return 'value'
    if (typeof schema !== 'object' || schema === null || Array.isArray(schema))
      throw unsupported(at, 'it must be an object or true')
    const given = schema as Readonly<Record<string, unknown>>
    this.#checkKeywords(given, at)
    const whole = wholeKeywords.find((name) => given[name] !== undefined)
    if (whole !== undefined) {
      const stray = Object.keys(given).find((name) => understood.has(name) && !mayStandBeside(name, whole))
      if (stray !== undefined) throw unsupported(`${at}/${stray}`, `it is not offered beside ${whole}`)
      if (whole === '$ref') return this.#typedReference(given, at, depth)
      if (whole === 'anyOf' || whole === 'oneOf') return this.#choice(given, whole, at, depth)
      return this.#literals(given, at)
    }
    const names = namesOf(given['type']) ?? impliedTypes(given)
    if (names.length === 0) return 'value'
    const rules = names.map((name) => this.#typed(name, given, at, depth))
    return rules.length === 1 ? (rules[0] ?? '') : this.#add(rules.join(' | '))
  }

  #checkKeywords(given: Readonly<Record<string, unknown>>, at: string): void {
    for (const [name, value] of Object.entries(given)) {
      if (understood.has(name) || withoutMeaning.has(name) || value === undefined) continue
      if (!notEnforced.has(name)) throw unsupported(`${at}/${pointerPart(name)}`, 'this keyword is not offered')
      // zod writes the range of JavaScript's whole numbers for each of them.
      if (Math.abs(Number(value)) !== Number.MAX_SAFE_INTEGER) this.#notEnforced.push(`${at}/${pointerPart(name)}`)
    }
  }

  #typed(name: unknown, given: Readonly<Record<string, unknown>>, at: string, depth: number): string {
    switch (name as TypeName) {
      case 'object':
        return this.#object(given, at, depth)
      case 'array':
        return this.#array(given, at, depth)
      case 'string':
        return this.#string(given, at)
      case 'number':
      case 'integer':
      case 'boolean':
      case 'null':
        return name as string
      default:
        throw unsupported(`${at}/type`, `it must be one of ${types.join(', ')}`)
    }
  }

  #object(given: Readonly<Record<string, unknown>>, at: string, depth: number): string {
    const { properties = {}, required = [], additionalProperties } = given
    if (typeof properties !== 'object' || properties === null)
      throw unsupported(`${at}/properties`, 'it must be an object')
    if (!Array.isArray(required)) throw unsupported(`${at}/required`, 'it must be a list')
    const names = Object.keys(properties)
    const missing = (required as unknown[]).findIndex((name) => !names.includes(name as string))
    if (missing >= 0) throw unsupported(`${at}/required/${missing}`, 'it is no property')
    const isOpen = additionalProperties !== undefined && additionalProperties !== false
    if (
      names.length === 0 &&
      (isOpen || given['properties'] === undefined) &&
      (additionalProperties === undefined || additionalProperties === true)
    )
      return 'object'
    const members = names.map((name) => {
      const inner = this.#ruleOf(
        (properties as Record<string, unknown>)[name],
        `${at}/properties/${pointerPart(name)}`,
        depth + 1,
      )
      const first = this.#add(`${literal(JSON.stringify(name))} ws ":" ws ${inner} ws`)
      return { first, next: this.#add(`"," ws ${first}`), isRequired: required.includes(name) }
    })
    const extra = isOpen ? [this.#extraMembers(additionalProperties, `${at}/additionalProperties`, depth)] : []
    return this.#add(`"{" ws ${membersBody(this.#rules, [...members, ...extra])} "}"`)
  }

  /** Members of any name, as many as there are. */
  #extraMembers(schema: unknown, at: string, depth: number): Member {
    const one = this.#add(`string ws ":" ws ${this.#ruleOf(schema, at, depth + 1)} ws`)
    const more = this.#add(`"," ws ${one}`)
    return { first: this.#add(`${one} ${more}*`), next: this.#add(`${more}+`), isRequired: false }
  }

  #array(given: Readonly<Record<string, unknown>>, at: string, depth: number): string {
    const { items, prefixItems } = given
    const least = this.#limit(given['minItems'], `${at}/minItems`) ?? 0
    const most = this.#limit(given['maxItems'], `${at}/maxItems`)
    if (most !== undefined && most < least) throw unsupported(`${at}/maxItems`, 'it is below minItems')
    if (prefixItems !== undefined || items === false) {
      const prefix = prefixItems ?? []
      if (!Array.isArray(prefix) || (items !== false && items !== undefined))
        throw unsupported(`${at}/prefixItems`, 'it is offered with items: false only')
      if (least > prefix.length) throw unsupported(`${at}/minItems`, 'there are not so many prefixItems')
      const all = prefix.slice(0, most).map((item, i) => this.#ruleOf(item, `${at}/prefixItems/${i}`, depth + 1))
      return this.#add(`"[" ws ${all.map((item) => `${item} ws`).join(' "," ws ')} "]"`)
    }
    if (most === 0) return this.#add('"[" ws "]"')
    const item = items === undefined ? 'value' : this.#ruleOf(items, `${at}/items`, depth + 1)
    const more = this.#add(`"," ws ${item} ws`)
    const repeated = this.#add(
      `"[" ws ${item} ws ${more}{${Math.max(0, least - 1)},${most === undefined ? '' : most - 1}} "]"`,
    )
    return least > 0 ? repeated : this.#add(`${this.#add('"[" ws "]"')} | ${repeated}`)
  }

  #string(given: Readonly<Record<string, unknown>>, at: string): string {
    const least = this.#limit(given['minLength'], `${at}/minLength`)
    const most = this.#limit(given['maxLength'], `${at}/maxLength`)
    if (least === undefined && most === undefined) return 'string'
    if (most !== undefined && most < (least ?? 0)) throw unsupported(`${at}/maxLength`, 'it is below minLength')
    return this.#add(`"\\"" char{${least ?? 0},${most ?? ''}} "\\""`)
  }

  #limit(given: unknown, at: string): number | undefined {
    if (given === undefined) return undefined
    if (Number.isInteger(given) && (given as number) >= 0 && (given as number) <= mostRepetitions)
      return given as number
    throw unsupported(at, `it must be a whole number from 0 to ${mostRepetitions}`)
  }

  #literals(given: Readonly<Record<string, unknown>>, at: string): string {
    if (given['enum'] !== undefined && !Array.isArray(given['enum']))
      throw unsupported(`${at}/enum`, 'it must be a list')
    const values = valuesOf(given) ?? []
    if (values.length === 0) throw unsupported(at, 'no value fits')
    return this.#add(values.map((value) => literal(JSON.stringify(value))).join(' | '))
  }

  /** Each part has the type that the whole has. */
  #choice(given: Readonly<Record<string, unknown>>, keyword: 'anyOf' | 'oneOf', at: string, depth: number): string {
    const { [keyword]: parts, type } = given
    if (!Array.isArray(parts) || parts.length === 0)
      throw unsupported(`${at}/${keyword}`, 'it must be a list of schemas')
    const rules = (parts as unknown[]).map((part, i) => {
      const place = `${at}/${keyword}/${i}`
      if (type === undefined) return this.#ruleOf(part, place, depth + 1)
      const own = part === true ? {} : part
      if (!isObject(own)) return this.#ruleOf(own, place, depth + 1)
      if (own['type'] !== undefined && !areWithin(namesOf(own['type']), type)) {
        throw unsupported(`${place}/type`, 'it must be among the types beside the choice')
      }
      return this.#ruleOf({ type, ...own }, place, depth + 1)
    })
    return this.#add(rules.join(' | '))
  }

  #typedReference({ $ref, type }: Readonly<Record<string, unknown>>, at: string, depth: number): string {
    const rule = this.#reference($ref, at, depth)
    if (type === undefined || areWithin([...typeNamesOf({ $ref }, this.#root)], type)) return rule
    throw unsupported(`${at}/type`, 'what $ref leads to must name a type that is among these')
  }

  #reference(given: unknown, at: string, depth: number): string {
    const [, folder, name] = typeof given === 'string' ? (/^#\/(\$defs|definitions)\/([^/]+)$/.exec(given) ?? []) : []
    const isRoot = given === '#'
    const folders = this.#root as Readonly<Record<string, Readonly<Record<string, unknown>> | undefined>>
    const key = name?.replaceAll('~1', '/').replaceAll('~0', '~')
    const target = isRoot ? this.#root : folder !== undefined && key !== undefined ? folders[folder]?.[key] : undefined
    if (target === undefined) throw unsupported(`${at}/$ref`, 'it must lead to $defs or definitions of this schema')
    const known = this.#references.get(given as string)
    if (known !== undefined) return known
    // Named before it is converted: it may lead back to itself.
    const rule = this.#rules.newName()
    this.#references.set(given as string, rule)
    this.#rules.set(rule, this.#ruleOf(target, isRoot ? '' : `/${folder}/${name}`, depth + 1))
    if (this.#leadsTo(rule, rule)) throw unsupported(`${at}/$ref`, 'it leads back to itself without a value between')
    return rule
  }

  /** Whether a rule's first symbol may be another rule: a grammar that begins with itself has no end. */
  #leadsTo(from: string, to: string, seen = new Set<string>()): boolean {
    for (const alternative of (this.#rules.get(from) ?? '').split(' | ')) {
      const first = alternative.trim().split(' ')[0] ?? ''
      if (first === to) return true
      if (this.#rules.has(first) && !seen.has(first) && this.#leadsTo(first, to, seen.add(first))) return true
    }
    return false
  }

  #add(body: string): string {
    return this.#rules.add(body)
  }
}

/** They say all that a value is. `const` may be null, which is a value. */
const wholeKeywords = ['$ref', 'const', 'enum', 'anyOf', 'oneOf'] as const

function mayStandBeside(name: string, whole: (typeof wholeKeywords)[number]): boolean {
  return name === whole || name === 'type' || (whole === 'const' && name === 'enum')
}

/** The values that `enum` and `const` name, as far as they have the type beside them; undefined: neither is there. */
export function valuesOf(given: Readonly<Record<string, unknown>>): unknown[] | undefined {
  const { enum: named, const: only, type } = given
  if (!Array.isArray(named) && only === undefined) return undefined
  const all = Array.isArray(named) ? (named as unknown[]) : [only]
  const isOnly = (value: unknown) => only === undefined || JSON.stringify(value) === JSON.stringify(only)
  return all.filter((value) => isOnly(value) && (type === undefined || areWithin([nameOf(value)], type)))
}

function namesOf(type: unknown): readonly unknown[] | undefined {
  return type === undefined ? undefined : Array.isArray(type) ? (type as unknown[]) : [type]
}

/** @param names undefined or empty: any */
function areWithin(names: readonly unknown[] | undefined, type: unknown): boolean {
  const allowed = namesOf(type) ?? []
  if (names === undefined || names.length === 0) return false
  return names.every((name) => allowed.includes(name) || (name === 'integer' && allowed.includes('number')))
}

/** Without a type, the keywords say what is meant. */
function impliedTypes(given: Readonly<Record<string, unknown>>): TypeName[] {
  if (['properties', 'required', 'additionalProperties'].some((name) => given[name] !== undefined)) return ['object']
  if (['items', 'prefixItems', 'minItems', 'maxItems'].some((name) => given[name] !== undefined)) return ['array']
  return ['minLength', 'maxLength'].some((name) => given[name] !== undefined) ? ['string'] : []
}

function pointerPart(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1')
}
