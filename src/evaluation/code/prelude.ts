/**
 * What a program finds in the sandbox besides the language: `console`, and `assert` by its name or by `require`, as the tests of public
 * data sets use them. A function of what prints a text; it gives a function that runs a test and gives its value.
 */
export const prelude = `(print) => {
  const { stringify } = JSON
  const { is, keys, getPrototypeOf, freeze, defineProperty } = Object
  const shown = (value) => {
    if (typeof value === 'string') return value
    if (typeof value !== 'object' || value === null) return String(value)
    try { return stringify(value) } catch { return '[object]' }
  }
  const say = (...values) => { print(values.map(shown).join(' ') + '\\n') }
  class AssertionError extends Error {
    constructor(message) { super(message); this.name = 'AssertionError' }
  }
  const fail = (message) => {
    if (message instanceof Error) throw message
    throw new AssertionError(message === undefined ? 'the assertion does not hold' : String(message))
  }
  const same = (a, b, strict, seen) => {
    if (is(a, b) || (strict ? a === b : a == b)) return true
    if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
    if (seen.some(([x, y]) => x === a && y === b)) return true
    const inside = [...seen, [a, b]]
    if (Array.isArray(a) !== Array.isArray(b) || (strict && getPrototypeOf(a) !== getPrototypeOf(b))) return false
    if (a instanceof Date && b instanceof Date) return a.getTime() === b.getTime()
    if (a instanceof Set && b instanceof Set) {
      return a.size === b.size && [...a].every((x) => b.has(x) || [...b].some((y) => same(x, y, strict, inside)))
    }
    if (a instanceof Map && b instanceof Map) {
      return a.size === b.size && [...a].every(([key, x]) => b.has(key) && same(x, b.get(key), strict, inside))
    }
    const own = keys(a)
    return own.length === keys(b).length && own.every((key) => key in b && same(a[key], b[key], strict, inside))
  }
  const assert = (value, message) => { if (!value) fail(message) }
  const differ = (a, b) => shown(a) + ' and ' + shown(b)
  assert.ok = assert
  assert.fail = fail
  assert.equal = (a, b, message) => assert(a == b || is(a, b), message ?? differ(a, b))
  assert.notEqual = (a, b, message) => assert(!(a == b || is(a, b)), message)
  assert.strictEqual = (a, b, message) => assert(is(a, b), message ?? differ(a, b))
  assert.notStrictEqual = (a, b, message) => assert(!is(a, b), message)
  assert.deepEqual = (a, b, message) => assert(same(a, b, false, []), message ?? differ(a, b))
  assert.deepStrictEqual = (a, b, message) => assert(same(a, b, true, []), message ?? differ(a, b))
  assert.notDeepEqual = (a, b, message) => assert(!same(a, b, false, []), message)
  assert.notDeepStrictEqual = (a, b, message) => assert(!same(a, b, true, []), message)
  assert.throws = (f, expected, message) => {
    try { f() } catch { return }
    fail(message ?? 'nothing was thrown')
  }
  assert.strict = assert
  const console = { log: say, info: say, error: () => {}, warn: () => {}, debug: () => {}, assert }
  const require = (name) => {
    if (['assert', 'node:assert', 'assert/strict', 'node:assert/strict'].includes(name)) return assert
    throw new Error('there is no module ' + String(name) + ' here')
  }
  for (const value of [console, require, assert]) freeze(value)
  for (const [name, value] of [['console', console], ['require', require], ['assert', assert]]) {
    defineProperty(globalThis, name, { value, writable: true, configurable: true })
  }
  // Whatever a program makes of these names, its tests find what was here before it.
  const judge = function (console, assert, require, eval, test) { return eval(test) }
  const itself = eval
  return (test) => judge(console, assert, require, itself, test)
}`
