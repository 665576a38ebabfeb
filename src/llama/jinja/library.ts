/** What is used of @huggingface/jinja. Its own declarations cannot be resolved by Node's rules. */
import * as jinja from '@huggingface/jinja'

/** A value of the template's language. */
export interface Value {
  readonly type: string
  readonly value: unknown
  __bool__(): { readonly value: boolean }
}

/** Named arguments of a call; `KeywordArgumentsValue`, the last of a function's arguments if there are any, holds such a map. */
export type NamedArguments = ReadonlyMap<string, Value>

export interface Scope {
  readonly variables: Map<string, Value>
  /** Converts a JavaScript value, and declares it. */
  set(name: string, value: unknown): Value
  setVariable(name: string, value: Value): Value
  lookupVariable(name: string): Value
}

/** A node of the syntax tree, as far as it is looked at here. */
export interface Node {
  readonly type: string
  readonly value?: unknown
  readonly [field: string]: unknown
}

export interface Token {
  readonly type: string
  readonly value: string
}

export interface ProgramInterpreter {
  run(program: Node): Value
  evaluate(node: Node | undefined, scope: Scope): Value
  evaluateBlock(statements: readonly Node[], scope: Scope): Value
  evaluateArguments(nodes: readonly Node[], scope: Scope): [Value[], Map<string, Value>]
  evaluateMacro(node: Node, scope: Scope): Value
}

interface JinjaLibrary {
  readonly Environment: new (parent?: Scope) => Scope
  readonly Interpreter: new (scope?: Scope) => ProgramInterpreter
  readonly parse: (tokens: readonly Token[]) => Node
  readonly tokenize: (text: string) => Token[]
}

export const { Environment, Interpreter, parse, tokenize } = jinja as unknown as JinjaLibrary
