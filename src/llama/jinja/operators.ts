/** Python's operators between two values. */
import { formatPercent } from './format.ts'
import type { Value } from './library.ts'
import {
  compare,
  contains,
  equal,
  floatOf,
  isFloat,
  isText,
  itemsOf,
  listOf,
  numberOf,
  pythonType,
  str,
  tupleOf,
  valueOf,
} from './values.ts'

/** Characters of any text, and a hundredth of it items of any list. */
export const mostText = 2 ** 26

/** @throws Error for values that the operator does not take */
export function operate(operator: string, left: Value, right: Value): Value {
  switch (operator) {
    case '==':
      return valueOf(equal(left, right))
    case '!=':
      return valueOf(!equal(left, right))
    case '<':
      return valueOf(compare(left, right) < 0)
    case '<=':
      return valueOf(compare(left, right) <= 0)
    case '>':
      return valueOf(compare(left, right) > 0)
    case '>=':
      return valueOf(compare(left, right) >= 0)
    case 'in':
      return valueOf(contains(right, left))
    case 'not in':
      return valueOf(!contains(right, left))
    case '~':
      return valueOf(str(left) + str(right))
    case '+':
      return add(left, right)
    case '*':
      return repeated(left, right) ?? repeated(right, left) ?? arithmetic(operator, left, right)
    case '%':
      if (isText(left)) {
        const values = right.type === 'TupleValue' ? itemsOf(right) : undefined
        return valueOf(formatPercent(left.value, values ?? [right]))
      }
      return arithmetic(operator, left, right)
    default:
      return arithmetic(operator, left, right)
  }
}

/** @throws Error for values that cannot be added */
export function add(left: Value, right: Value): Value {
  if (isText(left) && isText(right)) return valueOf(left.value + right.value)
  const [items, others] = [itemsOf(left), itemsOf(right)]
  if (items && others && left.type === right.type) {
    return left.type === 'TupleValue' ? tupleOf([...items, ...others]) : listOf([...items, ...others])
  }
  return arithmetic('+', left, right)
}

function repeated(value: Value, times: Value): Value | undefined {
  const items = itemsOf(value)
  const number = isFloat(times) ? undefined : numberOf(times)
  if ((!isText(value) && !items) || number === undefined) return undefined
  const count = Math.max(0, number)
  const size = items ? items.length * 100 : isText(value) ? value.value.length : 0
  if (size * count > mostText) throw new Error(`repeats something ${count} times`)
  if (isText(value)) return valueOf(value.value.repeat(count))
  const repeatedItems = Array.from({ length: count }, () => items ?? []).flat()
  return value.type === 'TupleValue' ? tupleOf(repeatedItems) : listOf(repeatedItems)
}

function arithmetic(operator: string, left: Value, right: Value): Value {
  const [a, b] = [numberOf(left), numberOf(right)]
  if (a === undefined || b === undefined) {
    throw new Error(`${pythonType(left)} ${operator} ${pythonType(right)} is not possible`)
  }
  const result = calculated(operator, a, b)
  const isWhole = !isFloat(left) && !isFloat(right) && operator !== '/' && !(operator === '**' && b < 0)
  return isWhole && Number.isInteger(result) ? valueOf(result) : floatOf(result)
}

function calculated(operator: string, a: number, b: number): number {
  if (b === 0 && (operator === '/' || operator === '//' || operator === '%')) throw new Error('division by zero')
  switch (operator) {
    case '+':
      return a + b
    case '-':
      return a - b
    case '*':
      return a * b
    case '/':
      return a / b
    case '//':
      return Math.floor(a / b)
    case '%':
      return a - Math.floor(a / b) * b
    case '**':
      return a ** b
    default:
      throw new Error(`the operator "${operator}" is not known`)
  }
}
