/** The library's interpreter within bounds, because a template comes with a model from anywhere, and with Python's meaning. */
import { Arguments } from './arguments.ts'
import { applyFilter } from './filters.ts'
import { Environment, Interpreter, type Node, type Scope, type Value } from './library.ts'
import { methodOf, naming } from './methods.ts'
import { mostText, operate } from './operators.ts'
import { testNamed } from './tests.ts'
import { negatedTestMark, testMark } from './tokens.ts'
import {
  dictionaryOf,
  entriesOf,
  entryOf,
  equal,
  functionOf,
  isText,
  isTrue,
  itemOf,
  itemsOf,
  iterate,
  listOf,
  nameOf,
  noneValue,
  pythonType,
  str,
  undefinedValue,
  valueOf,
  type PythonFunction,
} from './values.ts'

/** Some seconds of work. A conversation of a hundred messages takes a few thousand. */
const mostSteps = 5_000_000

/** A turn of a loop takes as long as so many nodes. */
const stepsOfTurn = 10

const printsNothing: ReadonlySet<string> = new Set(['Set', 'Macro', 'Comment'])

export class TemplateInterpreter extends Interpreter {
  #steps = 0
  /** `break` or `continue`, until the loop has seen it. */
  #jump: string | undefined

  override evaluate(node: Node | undefined, scope: Scope): Value {
    this.#spend(1)
    const value = this.#evaluate(node, scope)
    const size = isText(value) ? value.value.length : (itemsOf(value)?.length ?? 0) * 100
    if (size > mostText) throw new Error(`it makes a text of more than ${mostText} characters, or as large a list`)
    return value
  }

  #spend(steps: number): void {
    this.#steps += steps
    if (this.#steps > mostSteps) throw new Error(`it does not come to an end within ${mostSteps} steps`)
  }

  #evaluate(node: Node | undefined, scope: Scope): Value {
    switch (node?.type) {
      case 'ObjectLiteral':
        return this.#dictionary(node, scope)
      case 'MemberExpression':
        return this.#member(node, scope)
      case 'BinaryExpression':
        return this.#binary(node, scope)
      case 'FilterExpression':
        return this.#filter(this.evaluate(node['operand'] as Node, scope), node['filter'] as Node, scope)
      case 'FilterStatement':
        return this.#filter(this.evaluateBlock(node['body'] as Node[], scope), node['filter'] as Node, scope)
      case 'For':
        return this.#loop(node, scope)
      case 'Break':
      case 'Continue':
        this.#jump = node.type
        return undefinedValue
      default:
        return super.evaluate(node, scope)
    }
  }

  override evaluateBlock(statements: readonly Node[], scope: Scope): Value {
    let text = ''
    for (const statement of statements) {
      const value = this.evaluate(statement, scope)
      if (!printsNothing.has(statement.type)) text += str(value)
      if (this.#jump) break
    }
    return valueOf(text)
  }

  /** A macro sees the variables of where it is defined, and `caller`; in the library, those of where it is called. */
  override evaluateMacro(node: Node, scope: Scope): Value {
    const result = super.evaluateMacro(node, scope)
    const macro = scope.lookupVariable((node['name'] as Node).value as string) as {
      value: (args: readonly Value[], scope: Scope) => Value
    }
    const call = macro.value
    macro.value = (args, callScope) => {
      const own = new Environment(scope)
      const caller = callScope.variables.get('caller')
      if (caller) own.setVariable('caller', caller)
      return call(args, own)
    }
    return result
  }

  #dictionary(node: Node, scope: Scope): Value {
    const entries = [...(node.value as ReadonlyMap<Node, Node>)]
    return dictionaryOf(entries.map(([key, item]) => [nameOf(this.evaluate(key, scope)), this.evaluate(item, scope)]))
  }

  #member(node: Node, scope: Scope): Value {
    const object = this.evaluate(node['object'] as Node, scope)
    const property = node['property'] as Node
    if (property.type === 'SliceExpression') return this.#slice(object, property, scope)
    const isComputed = node['computed'] === true
    const key = isComputed ? this.evaluate(property, scope) : valueOf(property.value)
    if (object.type === 'NullValue' && !isComputed) return undefinedValue
    if (object.type === 'NamespaceValue') {
      return entryOf(object.value as ReadonlyMap<string, Value>, key) ?? undefinedValue
    }
    const method = isText(key) ? methodOf(object, key.value) : undefined
    if (method && !isComputed) return functionOf(method)
    const item = itemOf(object, key)
    return item.type === 'UndefinedValue' && method ? functionOf(method) : item
  }

  #slice(object: Value, node: Node, scope: Scope): Value {
    const bounds = ['start', 'stop', 'step'].map((name) => this.evaluate(node[name] as Node | undefined, scope).value)
    const [start, stop, step = 1] = bounds.map((bound) => (typeof bound === 'number' ? bound : undefined))
    if (!isText(object) && !itemsOf(object)) throw new Error(`${pythonType(object)} has no slices`)
    const items = sliced(iterate(object), start, stop, step)
    return isText(object) ? valueOf(items.map(str).join('')) : listOf(items)
  }

  #binary(node: Node, scope: Scope): Value {
    const operator = (node['operator'] as Node).value as string
    const left = this.evaluate(node['left'] as Node, scope)
    if (operator === 'and') return isTrue(left) ? this.evaluate(node['right'] as Node, scope) : left
    if (operator === 'or') return isTrue(left) ? left : this.evaluate(node['right'] as Node, scope)
    const right = this.evaluate(node['right'] as Node, scope)
    this.#spend(workOf(left) + workOf(right))
    return operate(operator, left, right)
  }

  #filter(input: Value, node: Node, scope: Scope): Value {
    const isCall = node.type === 'CallExpression'
    const name = (isCall ? (node['callee'] as Node) : node).value as string
    const args = new Arguments(...this.evaluateArguments(isCall ? (node['args'] as Node[]) : [], scope))
    this.#spend(workOf(input))
    if (name.startsWith(negatedTestMark)) return valueOf(!this.#test(name.slice(negatedTestMark.length), input, args))
    if (name.startsWith(testMark)) return valueOf(this.#test(name.slice(testMark.length), input, args))
    return naming(name, () => applyFilter(name, input, args))
  }

  #test(name: string, input: Value, args: Arguments): boolean {
    return naming(name, () => testNamed(name, input, args.positional))
  }

  #loop(node: Node, scope: Scope): Value {
    const iterable = node['iterable'] as Node
    const isSelecting = iterable.type === 'SelectExpression'
    const all = iterate(this.evaluate(isSelecting ? (iterable['lhs'] as Node) : iterable, scope))
    const entered = (item: Value) => {
      const own = new Environment(scope)
      assign(node['loopvar'] as Node, item, own)
      return own
    }
    const items = isSelecting
      ? all.filter((item) => isTrue(this.evaluate(iterable['test'] as Node, entered(item))))
      : all
    const changed = changedFunction()
    let text = ''
    // As in Jinja: a turn that `break` or `continue` ended counts as none for `else`.
    let hasTurn = false
    for (const [i, item] of items.entries()) {
      this.#spend(stepsOfTurn)
      const own = entered(item)
      own.setVariable('loop', loopOf(items, i, changed))
      text += str(this.evaluateBlock(node['body'] as Node[], own))
      const jump = this.#jump
      this.#jump = undefined
      hasTurn ||= jump === undefined
      if (jump === 'Break') break
    }
    if (!hasTurn) text += str(this.evaluateBlock(node['defaultBlock'] as Node[], new Environment(scope)))
    return valueOf(text)
  }
}

/** What it costs to look at all of it, in steps. */
function workOf(value: Value): number {
  return isText(value) ? Math.floor(value.value.length / 1000) : Math.floor((itemsOf(value)?.length ?? 0) / 10)
}

function assign(target: Node, value: Value, scope: Scope): void {
  if (target.type !== 'TupleLiteral') {
    scope.setVariable(target.value as string, value)
    return
  }
  const targets = target.value as readonly Node[]
  const items = iterate(value)
  if (items.length !== targets.length) throw new Error(`${items.length} values for ${targets.length} loop variables`)
  for (const [i, own] of targets.entries()) assign(own, items[i] ?? undefinedValue, scope)
}

function sliced(items: readonly Value[], start: number | undefined, stop: number | undefined, step: number): Value[] {
  if (step === 0) throw new Error('the step of a slice is 0')
  const [low, high] = step > 0 ? [0, items.length] : [-1, items.length - 1]
  const bounded = (bound: number) => Math.min(high, Math.max(low, bound < 0 ? bound + items.length : bound))
  const first = start === undefined ? (step > 0 ? low : high) : bounded(start)
  const end = stop === undefined ? (step > 0 ? high : low) : bounded(stop)
  const count = Math.max(0, Math.ceil((end - first) / step))
  return Array.from({ length: count }, (_, i) => items[first + i * step] ?? undefinedValue)
}

function loopOf(items: readonly Value[], i: number, changed: Value): Value {
  const length = items.length
  const positions = { index: i + 1, index0: i, revindex: length - i, revindex0: length - i - 1, length }
  const flags = { first: i === 0, last: i === length - 1 }
  return dictionaryOf([
    ...Object.entries({ ...positions, ...flags }).map(([name, value]) => [name, valueOf(value)] as const),
    ['previtem', items[i - 1] ?? undefinedValue],
    ['nextitem', items[i + 1] ?? undefinedValue],
    ['cycle', functionOf((args) => args[i % args.length] ?? undefinedValue)],
    ['changed', changed],
  ])
}

/** `loop.changed`: whether it is called with other values than the last time. */
function changedFunction(): Value {
  let last: Value | undefined
  const call: PythonFunction = (args) => {
    const now = listOf(args)
    const isSame = last !== undefined && equal(last, now)
    last = now
    return valueOf(!isSame)
  }
  return functionOf(call)
}

/** `dict(mapping or pairs, name=value)` */
export function dictionaryFrom(args: readonly Value[]): Value {
  const given = Arguments.ofCall(args)
  const [source] = given.positional
  const entries = source ? entriesOf(source) : new Map<string, Value>()
  const pairs = entries ?? new Map(iterate(source ?? noneValue).map((pair) => pairOf(iterate(pair))))
  return dictionaryOf([...pairs, ...given.named])
}

function pairOf([key, value]: readonly Value[]): [string, Value] {
  return [nameOf(key ?? undefinedValue), value ?? undefinedValue]
}
