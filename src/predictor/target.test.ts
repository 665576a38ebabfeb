import { expect, test } from 'vitest'
import { InputError } from '../errors.ts'
import { meanOf, parseTarget, transformTarget, type Target } from './target.ts'

const importance = Float32Array.of(0, 0.001, 0.003)

test.each<[Target, number[]]>([
  ['linear', [0, 0.001, 0.003]],
  ['x10000', [0, 10, 30]],
  // 10 x^0.3 / 0.3
  ['box-cox', [0, 4.1964, 5.8346]],
  // The mean over the trace is 0.002.
  ['power:0.3', [0, 0.8123, 1.1293]],
  ['power:1', [0, 0.5, 1.5]],
])('%s', (target, expected) => {
  const values = transformTarget(target, importance, 0.002)
  expected.forEach((value, i) => expect(values[i]).toBeCloseTo(value, 3))
})

test('the mean is that of the whole trace, whichever tokens are asked for', () => {
  const sampled = transformTarget('power:0.3', importance.slice(2), meanOf([0, 0.001, 0.003, 0.004]))
  expect(sampled[0]).toBeCloseTo(1.5 ** 0.3, 6)
})

test('a trace without any importance has targets of zero, not NaN', () => {
  expect([...transformTarget('power:0.3', new Float32Array(2), 0)]).toEqual([0, 0])
})

test('what is written in a checkpoint is read again, and nonsense is refused', () => {
  expect(parseTarget('power:0.30')).toBe('power:0.3')
  for (const text of ['power:0.0000001', 'power:1000000000000000000000']) {
    expect(parseTarget(parseTarget(text))).toBe(parseTarget(text))
  }
  for (const text of ['power:0', 'power:-1', 'power', 'square']) expect(() => parseTarget(text)).toThrow(InputError)
})
