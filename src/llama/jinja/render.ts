/**
 * Jinja as chat templates use it: @huggingface/jinja's grammar and interpreter, within bounds and with Python's meaning where the
 * library has another one.
 */
import { dictionaryFrom, TemplateInterpreter } from './interpreter.ts'
import { Environment, parse, type Node } from './library.ts'
import { strftime } from './strftime.ts'
import { tokensOf } from './tokens.ts'
import { functionOf, valueOf } from './values.ts'

const longestRange = 100_000

/** The text is no template. */
export class TemplateSyntaxError extends Error {
  override name = 'TemplateSyntaxError'
}

/**
 * @throws TemplateSyntaxError; Error for what the template refuses, does not understand, or does not come to an end with
 */
export function renderJinja(template: string, variables: Readonly<Record<string, unknown>>): string {
  const scope = new Environment()
  const globals = { ...constants, range, raise_exception: refuse, strftime_now: now }
  for (const [name, value] of Object.entries({ ...globals, ...variables })) scope.setVariable(name, valueOf(value))
  scope.setVariable('dict', functionOf(dictionaryFrom))
  return String(new TemplateInterpreter(scope).run(parsed(template)).value)
}

const constants = { true: true, false: false, none: null, True: true, False: false, None: null }

/** Programs of the templates that were used last. */
const programs = new Map<string, Node>()
function parsed(template: string): Node {
  const known = programs.get(template)
  if (known) return known
  let program: Node
  try {
    program = parse(tokensOf(template))
  } catch (cause) {
    // What the library says of a block that is not closed does not help: "Cannot read properties of undefined".
    const reason = cause instanceof Error && !(cause instanceof TypeError) ? cause.message : 'it ends within a block'
    throw new TemplateSyntaxError(reason, { cause })
  }
  if (programs.size >= 4) programs.clear()
  programs.set(template, program)
  return program
}

function now(format: unknown): string {
  return strftime(new Date(), String(format))
}

function refuse(reason: unknown): never {
  throw new Error(String(reason))
}

function range(first: number, end?: number, step = 1): number[] {
  const [start, stop] = end === undefined ? [0, first] : [first, end]
  const length = Math.max(0, Math.ceil((stop - start) / step))
  if (!Number.isFinite(length) || length > longestRange) throw new Error(`a range of ${length} numbers is too long`)
  return Array.from({ length }, (_, i) => start + i * step)
}
