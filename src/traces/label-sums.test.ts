import { describe, expect, test } from 'vitest'
import type { Label } from '../predictor/label.ts'
import { LabelSums } from './label-sums.ts'

/** Prompt 0 and 1, thinking 2 to 5, a tag 6, answer 7 and 8. */
const phases = { thinkStart: 2, thinkEnd: 6, answerStart: 7, length: 9 }

/** attention[q][p] of all queries from the first thinking token on; each is 10 q + p, to be told from the others. */
const weightOf = (query: number, position: number) => (position > query ? 0 : (10 * query + position) / 100)

/** Rows of queries `first` to `end` - 1; the cells lie in another order than the positions, with a hole between. */
function rows(first: number, end: number) {
  const positions = Int32Array.of(3, 0, -1, 1, 2, 8, 7, 6, 5, 4)
  const width = positions.length
  const weights = Float32Array.from({ length: (end - first) * width }, (_, i) => {
    const position = positions[i % width]!
    return position < 0 ? 99 : weightOf(first + Math.floor(i / width), position)
  })
  return { first, queries: end - first, width, weights, positions }
}

function measured(label: Label): number[] {
  const sums = new LabelSums(label, phases)
  if (label !== 'answer')
    for (const [first, end] of [
      [2, 5],
      [5, 6],
      [6, 7],
    ] as const)
      sums.add(rows(first, end))
  sums.add(rows(7, 9))
  return [...sums.values()]
}

const close = (actual: readonly number[], expected: readonly number[]) => {
  expect(actual.length).toBe(expected.length)
  expected.forEach((value, i) => expect(actual[i]).toBeCloseTo(value, 6))
}

/** (70 + 80) / 2 + position. */
const ofAnswer = [0.75, 0.76, 0.77, 0.78, 0.79, 0.8]

describe('by hand', () => {
  test('answer: mean over its two queries', () => {
    close(measured('answer'), ofAnswer)
  })

  test('later: of each token the queries that are at least three later', () => {
    // 0: queries 3 to 8 (a prompt's query does not count: 2 is the first that may); 1: 4 to 8; 2: 5 to 8; 3: 6 to 8; 4: 7, 8; 5: 8
    close(measured('later:3'), [0.55, 0.61, 0.67, 0.73, 0.79, 0.85])
  })

  test('later: a token that no query is far enough from has the answer’s attention', () => {
    // At a distance of five: 0 has 5 to 8, 1 has 6 to 8, 2 has 7 and 8, 3 has 8.
    close(measured('later:5'), [0.65, 0.71, 0.77, 0.83, ofAnswer[4]!, ofAnswer[5]!])
    close(measured('later:100'), ofAnswer)
  })

  test('later: queries of the prompt never count', () => {
    // At a distance of one: 0 has 2 to 8, not 1.
    close(measured('later:1').slice(0, 2), [0.5, 0.51])
  })

  test('mix: both, on the scale of the answer', () => {
    const later = [0.55, 0.61, 0.67, 0.73, 0.79, 0.85]
    // Means over the thinking, positions 2 to 5: 0.785 and 0.76.
    close(
      measured('mix:3'),
      later.map((value, i) => (ofAnswer[i]! + (value * 0.785) / 0.76) / 2),
    )
  })
})

test('without any attention every label is zero, not NaN', () => {
  for (const label of ['answer', 'later:3', 'mix:3'] as const) {
    expect([...new LabelSums(label, phases).values()]).toEqual([0, 0, 0, 0, 0, 0])
  }
})
