/** Calls of functions as a grammar of llama.cpp, in the form that a model was trained to write them in. */
import { isObject } from '../is-object.ts'
import type { ToolDefinition } from './chat-template.ts'
import { GrammarRules, literal, unsupported } from './grammar-rules.ts'
import { membersBody } from './member-grammar.ts'
import { SchemaConverter, valuesOf, type JsonSchema, type SchemaGrammar } from './schema-grammar.ts'
import { allowsAnyText, typesOf } from './schema-types.ts'
import { toolTags, type ToolFormat } from './tool-format.ts'

export interface ToolGrammarOptions {
  readonly format: ToolFormat
  /** Those that may be called. */
  readonly tools: readonly ToolDefinition[]
  /** The most calls of an answer. */
  readonly most: number
  /** What may stand in place of all calls. */
  readonly schema?: JsonSchema | undefined
}

/**
 * The grammar of answers that are one call or several.
 * @throws InputError `unsupported_schema` naming the place
 */
export function toolCallGrammar({ format, tools, most, schema }: ToolGrammarOptions): SchemaGrammar {
  const rules = new GrammarRules()
  const notEnforced: string[] = []
  const calls = tools.map(({ function: { name, parameters } }) => {
    const root = objectSchema(parameters, name)
    const converter = new SchemaConverter(root, rules)
    const { body, loose } = format === 'hermes' ? json(name, root, converter) : tagged(name, root, converter, rules)
    notEnforced.push(...[...converter.notEnforced, ...loose].map((pointer) => `/${name}${pointer}`))
    return rules.add(body)
  })
  const call = rules.add(
    `${literal(`${toolTags.open}\n`)} ${rules.add(calls.join(' | '))} ${literal(`\n${toolTags.close}`)}`,
  )
  const all = rules.add(`${call} ${rules.add(`"\\n" ${call}`)}{0,${most - 1}}`)
  const converter = schema === undefined ? undefined : new SchemaConverter(schema, rules)
  const turn = converter ? rules.add(`${all} | ${converter.ruleOf(schema)}`) : all
  const pointers = new Set([...notEnforced, ...(converter?.notEnforced ?? [])])
  return { gbnf: rules.text(`lead ${turn} ws`), notEnforced: [...pointers] }
}

/** Arguments are an object, also where the schema leaves that open. */
function objectSchema(parameters: ToolDefinition['function']['parameters'], name: string) {
  if (parameters === undefined) return { type: 'object', properties: {} }
  const types = typesOf(parameters, parameters)
  if (types.size > 0 && !types.has('object')) throw unsupported(`/${name}`, 'the arguments of a function are an object')
  return types.size === 0 ? { ...parameters, type: 'object' } : parameters
}

interface CallRule {
  readonly body: string
  /** JSON pointers of what is not enforced. */
  readonly loose: readonly string[]
}

function json(name: string, root: JsonSchema, converter: SchemaConverter): CallRule {
  const head = literal(`{"name": ${JSON.stringify(name)}, "arguments": `)
  return { body: `${head} ${converter.ruleOf(root)} "}"`, loose: [] }
}

function tagged(
  name: string,
  root: Readonly<Record<string, unknown>>,
  converter: SchemaConverter,
  rules: GrammarRules,
): CallRule {
  const { properties = {}, required = [] } = root
  const loose: string[] = []
  // What cannot be enforced is refused as it is in JSON.
  converter.ruleOf(root)
  const members = Object.entries(properties as Readonly<Record<string, unknown>>).map(([key, schema]) => {
    const pointer = `/properties/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`
    const types = typesOf(schema, root)
    const isText = types.size === 0 || types.has('string')
    if (isText) loose.push(...looseKeywords(schema, root).map((keyword) => `${pointer}/${keyword}`))
    const value = isText ? textRule(schema, rules) : converter.ruleOf(schema, pointer)
    const body = `${literal(`<parameter=${key}>\n`)} ${value} ${literal(`\n${parameterClose}\n`)}`
    const rule = rules.add(body)
    return { first: rule, next: rule, isRequired: (required as unknown[]).includes(key) }
  })
  const head = literal(`<function=${name}>\n`)
  return { body: `${head} ${membersBody(rules, members)} ${literal('</function>')}`, loose }
}

/** What holds a text to less than any, and is not enforced where texts have no quotes. */
function looseKeywords(schema: unknown, root: unknown): string[] {
  if (!isObject(schema) || valuesOf(schema) || allowsAnyText(schema, root)) return []
  return ['minLength', 'maxLength', '$ref', 'anyOf', 'oneOf'].filter((keyword) => keyword in schema)
}

const parameterClose = '</parameter>'

/** Text as it is, without quotes: one of those that are named, or any. */
function textRule(schema: unknown, rules: GrammarRules): string {
  const values = isObject(schema) ? valuesOf(schema) : undefined
  if (values) {
    return rules.add(
      values.map((value) => literal(typeof value === 'string' ? value : JSON.stringify(value))).join(' | '),
    )
  }
  return anyText(rules)
}

/** All text that does not contain the closing tag: a rule for each number of its characters that were read last. */
function anyText(rules: GrammarRules): string {
  const known = rules.get('text')
  if (known !== undefined) return 'text'
  const nameOf = (read: number) => (read === 0 ? 'text' : `text-${read}`)
  for (const [read, next] of Array.from(parameterClose).entries()) {
    const others = read === 0 ? `[^<] text` : `"<" text-1 | [^${next}<] text`
    const goesOn = read === parameterClose.length - 1 ? '' : ` | "${next}" ${nameOf(read + 1)}`
    rules.set(nameOf(read), `| ${others}${goesOn}`)
  }
  return 'text'
}
