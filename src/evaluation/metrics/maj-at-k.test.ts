import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { classesBy, majAtK, normalisedText, type AnsweredSample } from './maj-at-k.ts'
import { passAt1 } from './pass-at-k.ts'

const RIGHT = '7'
type Answer = string | null
const samplesOf = (answers: readonly Answer[], item = 'x'): AnsweredSample[] =>
  answers.map((answer, sample) => ({ item, sample, answer, right: answer === RIGHT }))

/** Every order of the votes, first to reach the most wins: what a fair draw between ties gives. */
function bruteForce(answers: readonly Answer[], k: number): number {
  let sum = 0
  let orders = 0
  for (const order of permutations(answers)) {
    const votes = order.slice(0, k).filter((answer) => answer !== null)
    const counts = votes.map((answer) => votes.filter((other) => other === answer).length)
    const most = Math.max(...counts)
    // The first vote in a random order that belongs to a winning answer: each tied answer is it equally often.
    sum += Number(votes[counts.indexOf(most)] === RIGHT)
    orders++
  }
  return sum / orders
}

function permutations<T>(values: readonly T[]): T[][] {
  if (values.length <= 1) return [[...values]]
  return values.flatMap((value, i) => permutations(values.toSpliced(i, 1)).map((rest) => [value, ...rest]))
}

const answers = fc.array(fc.constantFrom<Answer>(RIGHT, '1', '2', null), { minLength: 1, maxLength: 6 })
const withK = answers.chain((list) => fc.tuple(fc.constant(list), fc.integer({ min: 1, max: list.length })))

describe('majAtK', () => {
  test('is what voting in every order gives', () => {
    fc.assert(
      fc.property(withK, ([list, k]) => {
        expect(majAtK(samplesOf(list), k).mean).toBeCloseTo(bruteForce(list, k), 10)
      }),
      { numRuns: 60 },
    )
  })

  test('with k = 1 is Pass@1', () => {
    fc.assert(
      fc.property(fc.array(answers, { minLength: 1, maxLength: 5 }), (items) => {
        const samples = items.flatMap((list, i) => samplesOf(list, `${i}`))
        expect(majAtK(samples, 1).mean).toBeCloseTo(passAt1(samples).mean, 10)
      }),
      { numRuns: 20 },
    )
  })

  test.each<[string, Answer[], number]>([
    ['most votes win', ['7', '7', '1', '2', '3'], 1],
    ['few right ones lose against many equal wrong ones', ['7', '7', '1', '1', '1'], 0],
    ['a tie is shared', ['7', '7', '1', '1', '2'], 0.5],
    ['samples without an answer do not vote', ['7', null, null, null, null], 1],
    ['no vote at all is wrong', [null, null], 0],
    ['white space and dollar signs do not part a class', [' 7', '1', '1'], 0],
  ])('%s', (_, list, expected) => expect(majAtK(samplesOf(list), list.length).mean).toBeCloseTo(expected, 12))

  test('equal answers by the given classes vote together', async () => {
    const samples = ['1/2', '0.5', '3', '3', '0.50'].map((answer, sample) => ({
      item: 'x',
      sample,
      answer,
      right: answer !== '3',
    }))
    expect(majAtK(samples, 5).mean).toBe(0)
    const sameNumber = (a: string, b: string) => Promise.resolve((a === '1/2' ? 0.5 : +a) === (b === '1/2' ? 0.5 : +b))
    const classes = await classesBy(
      samples.map(({ answer }) => answer),
      sameNumber,
    )
    expect(classes.get('0.50')).toBe('1/2')
    expect(majAtK(samples, 5, { classOf: (answer) => classes.get(answer) ?? answer }).mean).toBe(1)
  })

  test('of many samples draws subsets: near the exact value, the same for the same seed', () => {
    // The right answer has 12 of 20 votes against one other: the hypergeometric chance of at least 6 of 11.
    const list = Array.from({ length: 20 }, (_, i) => (i < 12 ? RIGHT : '1'))
    const choose = (n: number, k: number): number => (k === 0 ? 1 : (choose(n - 1, k - 1) * n) / k)
    let exact = 0
    for (let votes = 6; votes <= 11; votes++) exact += (choose(12, votes) * choose(8, 11 - votes)) / choose(20, 11)
    const { mean } = majAtK(samplesOf(list), 11)
    expect(Math.abs(mean - exact)).toBeLessThan(0.03)
    expect(majAtK(samplesOf(list).reverse(), 11).mean).toBe(mean)
  })

  test('too few samples are refused', () => {
    expect(() => majAtK(samplesOf(['7']), 3)).toThrow(/Maj@3.*has 1/)
  })
})

test.each([
  [' $\\frac{1}{2}$ ', '\\frac{1}{2}'],
  ['Blue  Whale.', 'blue whale'],
])('normalisedText %s', (text, expected) => expect(normalisedText(text)).toBe(expected))
