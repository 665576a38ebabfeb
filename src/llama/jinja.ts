/**
 * Jinja as chat templates use it: @huggingface/jinja within bounds, because a template comes with a model from anywhere, and with what
 * it lacks of Python: whole numbers as keys of a dictionary, `str.format`, and the argument of `str.strip`.
 */
import * as jinja from '@huggingface/jinja'
import { formatText } from './python-format.ts'

/** A value of the template's language. */
export interface Value {
  readonly type: string
  readonly value: unknown
}
interface Scope {
  readonly variables: Map<string, Value>
  set(name: string, value: unknown): Value
}
type PythonFunction = (args: readonly Value[], scope: Scope) => Value

/** A node of the syntax tree, as far as it is looked at here. */
interface Node {
  readonly type: string
  readonly value?: unknown
  readonly object?: Node
  readonly property?: Node
  readonly computed?: boolean
  readonly operator?: { readonly value: string }
  readonly left?: Node
  readonly right?: Node
  /** Of a node of type `Constant`: what is evaluated here already must not be evaluated again. */
  readonly constant?: Value
}
interface ProgramInterpreter {
  run(program: Node): Value
  evaluate(node: Node | undefined, scope: Scope): Value
}
/** The library's own declarations cannot be resolved by Node's rules. */
interface JinjaLibrary {
  readonly Environment: new () => Scope
  readonly Interpreter: new (scope: Scope) => ProgramInterpreter
  readonly Template: new (text: string) => { render(variables: object): string }
  readonly parse: (tokens: unknown) => Node
  readonly tokenize: (
    text: string,
    options: { readonly lstrip_blocks: boolean; readonly trim_blocks: boolean },
  ) => unknown
}
const { Environment, Interpreter, Template, parse, tokenize } = jinja as unknown as JinjaLibrary

/** A second of work. A conversation of a hundred messages takes a few thousand. */
const mostSteps = 2_000_000
/** Characters of any text. */
const mostText = 2 ** 26
const longestRange = 100_000

/** The text is no template. */
export class TemplateSyntaxError extends Error {
  override name = 'TemplateSyntaxError'
}

/**
 * @throws TemplateSyntaxError; Error for what the template refuses, does not understand, or does not come to an end with
 */
export function renderJinja(template: string, variables: Readonly<Record<string, unknown>>): string {
  const environment = new Environment()
  for (const [name, value] of Object.entries(constants)) environment.set(name, value)
  environment.variables.set('strftime_now', functionOf(strftime()))
  environment.set('range', range)
  environment.set('raise_exception', (reason: unknown) => {
    throw new Error(String(reason))
  })
  for (const [name, value] of Object.entries(variables)) environment.set(name, value)
  return String(new BoundedInterpreter(environment).run(parsed(template)).value)
}

const constants = { true: true, false: false, none: null, True: true, False: false, None: null }

/** Programs of the templates that were used last. */
const programs = new Map<string, Node>()
function parsed(template: string): Node {
  const known = programs.get(template)
  if (known) return known
  // As Jinja does: its own line ends are LF.
  const text = template.replace(/\r\n?/g, '\n')
  let program: Node
  try {
    program = parse(tokenize(text, { lstrip_blocks: true, trim_blocks: true }))
  } catch (cause) {
    // What the library says of a block that is not closed does not help: "Cannot read properties of undefined".
    const reason = cause instanceof SyntaxError ? cause.message : 'it ends within a block'
    throw new TemplateSyntaxError(reason, { cause })
  }
  if (programs.size >= 4) programs.clear()
  programs.set(template, program)
  return program
}

class BoundedInterpreter extends Interpreter {
  #steps = 0

  override evaluate(node: Node | undefined, environment: Scope): Value {
    if (++this.#steps > mostSteps) throw new Error(`it does not come to an end within ${mostSteps} steps`)
    const value = this.#evaluate(node, environment)
    const raw: unknown = value.value
    if (typeof raw !== 'string') return value
    if (raw.length > mostText) throw new Error(`it makes a text of more than ${mostText} characters`)
    return raw.startsWith(numberMark) ? valueOf(Number(raw.slice(numberMark.length)) - numberShift) : value
  }

  #evaluate(node: Node | undefined, environment: Scope): Value {
    switch (node?.type) {
      case 'Constant':
        return node.constant ?? valueOf(undefined)
      case 'ObjectLiteral':
        return this.#dictionary(node.value as ReadonlyMap<Node, Node>, environment)
      case 'MemberExpression':
        return this.#member(node, environment)
      case 'BinaryExpression':
        return this.#binary(node, environment)
      default:
        return super.evaluate(node, environment)
    }
  }

  #dictionary(entries: ReadonlyMap<Node, Node>, environment: Scope): Value {
    const dictionary = valueOf({})
    for (const [key, value] of entries) {
      const name = nameOf(this.evaluate(key, environment))
      if (name === undefined) throw new Error('the keys of a dictionary must be texts or whole numbers')
      mapOf(dictionary)?.set(name, this.evaluate(value, environment))
    }
    return dictionary
  }

  #member(node: Node, environment: Scope): Value {
    const object = this.evaluate(node.object, environment)
    const { computed = false, property } = node
    if (!computed && object.type === 'StringValue') {
      const method = stringMethods[String(property?.value)]
      if (method) return functionOf((args) => valueOf(method(object.value as string, args)))
    }
    const own = { ...node, object: constant(object) }
    if (!computed || property?.type === 'SliceExpression') return super.evaluate(own, environment)
    const key = this.evaluate(property, environment)
    const found = key.type === 'IntegerValue' ? mapOf(object)?.get(nameOf(key) ?? '') : undefined
    if (found) return found
    if (key.type === 'IntegerValue' && mapOf(object)) return valueOf(undefined)
    return super.evaluate({ ...own, property: constant(key) }, environment)
  }

  #binary(node: Node, environment: Scope): Value {
    const operator = node.operator?.value
    if (operator !== 'in' && operator !== 'not in') return super.evaluate(node, environment)
    const left = this.evaluate(node.left, environment)
    const right = this.evaluate(node.right, environment)
    const map = mapOf(right)
    if (map && left.type === 'IntegerValue') return valueOf(map.has(nameOf(left) ?? '') === (operator === 'in'))
    const own = { ...node, left: constant(left), right: constant(right) }
    return super.evaluate(own, environment)
  }
}

/** A dictionary's keys are texts: a whole number becomes one that sorts as it does, and is a number again when it is read. */
const numberMark = '\u0000number:'
const numberShift = 1e15

function nameOf(key: Value): string | undefined {
  if (key.type === 'StringValue') return key.value as string
  if (key.type !== 'IntegerValue') return undefined
  return `${numberMark}${String((key.value as number) + numberShift).padStart(17, '0')}`
}

function valueOf(value: unknown): Value {
  return new Environment().set('value', value)
}

function functionOf(call: PythonFunction): Value {
  const value = valueOf(() => null) as { value: PythonFunction }
  value.value = call
  return value as unknown as Value
}

function mapOf(value: Value): Map<string, Value> | undefined {
  return value.type === 'ObjectValue' ? (value.value as Map<string, Value>) : undefined
}

function constant(value: Value): Node {
  return { type: 'Constant', constant: value }
}

/** The library has it, and gives it to templates only. */
function strftime(): PythonFunction {
  const taken: PythonFunction[] = []
  const take = (call: PythonFunction) => void taken.push(call)
  new Template('{{ take(strftime_now) }}').render({ take })
  return taken[0] ?? (() => valueOf(''))
}

function range(first: number, end?: number, step = 1): number[] {
  const [start, stop] = end === undefined ? [0, first] : [first, end]
  const length = Math.max(0, Math.ceil((stop - start) / step))
  if (!Number.isFinite(length) || length > longestRange) throw new Error(`a range of ${length} numbers is too long`)
  return Array.from({ length }, (_, i) => start + i * step)
}

/** `undefined` or `none`: white space. */
function charactersOf([given]: readonly Value[]): string | undefined {
  return given?.type === 'StringValue' ? (given.value as string) : undefined
}

function stripped(
  text: string,
  characters: string | undefined,
  { start, end }: { start: boolean; end: boolean },
): string {
  if (characters === undefined) {
    const left = start ? text.trimStart() : text
    return end ? left.trimEnd() : left
  }
  const all = Array.from(text)
  let [from, to] = [0, all.length]
  while (start && from < to && characters.includes(all[from] ?? '')) from++
  while (end && to > from && characters.includes(all[to - 1] ?? '')) to--
  return all.slice(from, to).join('')
}

const stringMethods: Readonly<Record<string, (text: string, args: readonly Value[]) => string>> = {
  strip: (text, args) => stripped(text, charactersOf(args), { start: true, end: true }),
  lstrip: (text, args) => stripped(text, charactersOf(args), { start: true, end: false }),
  rstrip: (text, args) => stripped(text, charactersOf(args), { start: false, end: true }),
  format: (text, args) => {
    const last = args.at(-1)
    const isNamed = last?.type === 'KeywordArgumentsValue'
    const named = isNamed ? (last.value as ReadonlyMap<string, Value>) : new Map<string, Value>()
    return formatText(text, isNamed ? args.slice(0, -1) : args, named)
  },
}
