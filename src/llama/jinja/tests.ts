/** Jinja's tests: `value is name` and `value is name(argument)`. */
import type { Value } from './library.ts'
import { own } from './methods.ts'
import {
  compare,
  contains,
  entriesOf,
  equal,
  isFloat,
  isInteger,
  isNone,
  isText,
  isUndefined,
  itemsOf,
  numberOf,
  pythonType,
  str,
  undefinedValue,
} from './values.ts'

type Test = (value: Value, other: Value) => boolean

const isBoolean = (value: Value, wanted?: boolean) =>
  value.type === 'BooleanValue' && (wanted === undefined || value.value === wanted)
const isSequence = (value: Value) =>
  isText(value) || isUndefined(value) || itemsOf(value) !== undefined || entriesOf(value) !== undefined
const isSame: Test = (a, b) => a === b || (a.type === b.type && a.value === b.value)
const isEqual: Test = equal
const isDifferent: Test = (a, b) => !equal(a, b)
const isLess: Test = (a, b) => compare(a, b) < 0
const isAtMost: Test = (a, b) => compare(a, b) <= 0
const isGreater: Test = (a, b) => compare(a, b) > 0
const isAtLeast: Test = (a, b) => compare(a, b) >= 0

const tests: Readonly<Record<string, Test>> = {
  '!=': isDifferent,
  '<': isLess,
  '<=': isAtMost,
  '==': isEqual,
  '>': isGreater,
  '>=': isAtLeast,
  boolean: (value) => isBoolean(value),
  callable: (value) => value.type === 'FunctionValue' || isUndefined(value),
  defined: (value) => !isUndefined(value),
  divisibleby: (value, other) => remainder(value, other) === 0,
  eq: isEqual,
  equalto: isEqual,
  even: (value) => remainder(value) === 0,
  false: (value) => isBoolean(value, false),
  float: isFloat,
  ge: isAtLeast,
  greaterthan: isGreater,
  gt: isGreater,
  in: (value, other) => contains(other, value),
  integer: isInteger,
  iterable: (value) => isSequence(value) || value.type === 'Generator',
  le: isAtMost,
  lessthan: isLess,
  lower: (value) => /\p{Ll}/u.test(str(value)) && str(value) === str(value).toLowerCase(),
  lt: isLess,
  mapping: (value) => entriesOf(value) !== undefined,
  ne: isDifferent,
  none: isNone,
  number: (value) => numberOf(value) !== undefined,
  odd: (value) => Math.abs(remainder(value)) === 1,
  sameas: isSame,
  sequence: isSequence,
  string: isText,
  true: (value) => isBoolean(value, true),
  undefined: isUndefined,
  upper: (value) => /\p{Lu}/u.test(str(value)) && str(value) === str(value).toUpperCase(),
}

/** @throws Error for a test that is not known, and for values that it does not take */
export function testNamed(name: string, value: Value, [other]: readonly Value[]): boolean {
  const test = own(tests, name)
  if (!test) throw new Error(`there is no test "${name}"`)
  return test(value, other ?? undefinedValue)
}

function remainder(value: Value, divisor?: Value): number {
  const [number, by] = [numberOf(value), divisor ? numberOf(divisor) : 2]
  if (number === undefined || by === undefined) throw new Error(`needs numbers, not ${pythonType(value)}`)
  return number % by
}
