/** A JSON schema as a grammar of llama.cpp. */
import { GrammarRules, literal, unsupported } from './grammar-rules.ts'
import { membersBody, type Member } from './member-grammar.ts'

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
type TypeName = (typeof types)[number]

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
    const { $ref, anyOf, oneOf, type } = given
    if ($ref !== undefined) return this.#reference($ref, at, depth)
    if (given['enum'] !== undefined) return this.#literals(given['enum'], `${at}/enum`)
    if ('const' in given) return this.#literals([given['const']], `${at}/const`)
    const choice = anyOf ?? oneOf
    if (choice !== undefined) return this.#choice(choice, `${at}/${anyOf === undefined ? 'oneOf' : 'anyOf'}`, depth)
    const names = type === undefined ? impliedTypes(given) : Array.isArray(type) ? type : [type]
    if (names.length === 0) return 'value'
    return this.#add(names.map((name) => this.#typed(name, given, at, depth)).join(' | '))
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
    if (prefixItems !== undefined) {
      if (!Array.isArray(prefixItems) || (items !== false && items !== undefined))
        throw unsupported(`${at}/prefixItems`, 'it is offered with items: false only')
      const all = prefixItems.map((item, i) => this.#ruleOf(item, `${at}/prefixItems/${i}`, depth + 1))
      return this.#add(`"[" ws ${all.join(' ws "," ws ')} ws "]"`)
    }
    if (items === false || most === 0) return this.#add('"[" ws "]"')
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

  #literals(given: unknown, at: string): string {
    if (!Array.isArray(given) || given.length === 0) throw unsupported(at, 'it must be a list of values')
    return this.#add(given.map((value) => literal(JSON.stringify(value))).join(' | '))
  }

  #choice(given: unknown, at: string, depth: number): string {
    if (!Array.isArray(given) || given.length === 0) throw unsupported(at, 'it must be a list of schemas')
    return this.#add(given.map((one, i) => this.#ruleOf(one, `${at}/${i}`, depth + 1)).join(' | '))
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

/** Without a type, the keywords say what is meant. */
function impliedTypes(given: Readonly<Record<string, unknown>>): TypeName[] {
  if (['properties', 'required', 'additionalProperties'].some((name) => given[name] !== undefined)) return ['object']
  if (['items', 'prefixItems', 'minItems', 'maxItems'].some((name) => given[name] !== undefined)) return ['array']
  return ['minLength', 'maxLength'].some((name) => given[name] !== undefined) ? ['string'] : []
}

function pointerPart(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1')
}
