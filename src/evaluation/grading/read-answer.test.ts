import { describe, expect, test } from 'vitest'
import { normalizeAnswer } from './normalize-answer.ts'
import { readAnswer } from './read-answer.ts'

function read(text: string) {
  return readAnswer(normalizeAnswer(text))
}

describe('readAnswer', () => {
  test.each([
    ['42', 'value'],
    ['x+1', 'value'],
    ['(x+1)(x+2)', 'value'],
    ['(5)', 'value'],
    ['\\text{east}', 'words'],
    ['1010_2', 'based'],
    ['3:4', 'ratio'],
    ['1,2', 'list'],
    ['1 \\text{ or } 2', 'list'],
    ['\\{1,2\\}', 'list'],
    ['\\emptyset', 'list'],
    ['2\\pm1', 'list'],
    ['(1,2)\\cup(3,4)', 'list'],
    ['(1,2)', 'tuple'],
    ['[1,2)', 'tuple'],
    ['x<3', 'order'],
    ['1<x\\le2', 'order'],
    ['\\{x : x > 2\\}', 'order'],
    ['\\{2k \\mid k\\in\\mathbb{Z}\\}', 'family'],
    ['(A) 5', 'choice'],
    ['\\text{Maximum: } 5', 'named'],
    ['\\text{The answer is } 5', 'value'],
    ['x=1\\quad y=2', 'list'],
    ['1/2 = \\frac{2}{4}', 'named'],
    ['\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}', 'matrix'],
    ['\\begin{pmatrix}1&2\\\\3\\end{pmatrix}', 'value'],
    ['x=5', 'named'],
    ['3 = x', 'named'],
    ['2x+y=5', 'equation'],
    ['2x>6', 'order'],
  ])('%s: %s', (text, kind) => expect(read(text).kind).toBe(kind))

  test('inequalities are intervals', () => {
    const within = (text: string) => {
      const order = read(text)
      return order.kind === 'order' ? order.interval : undefined
    }
    expect(within('x \\geq 2')).toEqual(read('[2,\\infty)'))
    expect(within('2 > x')).toEqual(read('(-\\infty, 2)'))
    expect(within('3 \\ge x > 1')).toEqual(read('(1,3]'))
    expect(within('b > a > c')).toBeUndefined()
    expect(read('x \\ne 3')).toEqual({ ...read('(-\\infty,3) \\cup (3,\\infty)'), joined: 'any' })
  })

  test('units', () => {
    expect(read('5 cm^2')).toMatchObject({ latex: '5', unit: { dimension: 'length^2' } })
    expect(read('5\\text{ square centimeters}')).toEqual(read('5 cm^2'))
    expect(read('60 miles per hour')).toEqual(read('60 mph'))
    expect(read('5 \\text{ apples}')).toMatchObject({ latex: '5', unit: { words: 'apples' } })
    expect(read('\\$5')).toEqual(read('5 dollars'))
  })
})
