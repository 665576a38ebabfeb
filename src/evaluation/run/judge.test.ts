import { describe, expect, test } from 'vitest'
import { judge } from './judge.ts'

const grader = {
  grade: (given: string, expected: string) =>
    Promise.resolve({ right: Number(given) === Number(expected), how: 'symbolic' }),
}
const judged = (answer: string, expected: string, grading: 'math' | 'choice' | 'chain', truncated = false) =>
  judge({ answer, expected, grading, truncated }, grader)

describe('a sample is judged', () => {
  test('by the grader for mathematics', async () => {
    expect(await judged('so \\boxed{2.0}', '2', 'math')).toEqual({ answer: '2.0', right: true, graded: 'symbolic' })
    expect(await judged('so \\boxed{3}', '2', 'math')).toMatchObject({ right: false })
  })

  test('as text for the embedded model', async () => {
    expect(await judged('\\boxed{18}', '18', 'chain')).toEqual({ answer: '18', right: true, graded: 'exact' })
    expect(await judged('\\boxed{18.0}', '18', 'chain')).toMatchObject({ right: false })
  })

  test('by its letter for choices', async () => {
    expect(await judged('\\boxed{\\text{(B)}}', 'B', 'choice')).toMatchObject({ right: true, graded: 'letter' })
    expect(await judged('\\boxed{A}', 'B', 'choice')).toMatchObject({ right: false })
  })

  test('as wrong without an answer, and if it was cut off, whatever it says', async () => {
    expect(await judged('I do not know', '2', 'math')).toEqual({ answer: null, right: false, graded: 'no-answer' })
    expect(await judged('\\boxed{2}', '2', 'math', true)).toEqual({ answer: '2', right: false, graded: 'truncated' })
  })
})
