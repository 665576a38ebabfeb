import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { InputError } from '../errors.ts'
import { generateChainProblem, isChainProblem, solveChainProblem } from './chain-problem.ts'

interface Problem {
  id: string
  people: number
  question: string
  answer: string
}

function shipped(name: string): Problem[] {
  const file = new URL(`../../models/tiny/problems/${name}.jsonl`, import.meta.url)
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n')
  return lines.map((line) => JSON.parse(line) as Problem)
}

const sentences = 'Ava has 10 coins. Ben has 4 more than Ava. Cara has as many as Ava and Ben together.'
const question = 'How many coins does Cara have?'

describe('solveChainProblem', () => {
  test.each([
    ['train', 2000],
    ['test', 500],
  ] as const)('solves the %s problems', (name, count) => {
    const problems = shipped(name)
    expect(problems).toHaveLength(count)
    const wrong = problems.filter((problem) => String(solveChainProblem(problem.question)) !== problem.answer)
    expect(wrong).toEqual([])
  })

  test.each([
    [question, 24],
    ['How many coins do Cara and Ben have together?', 38],
    ['How many more coins does Cara have than Ben?', 10],
  ])('%s', (asked, answer) => {
    expect(solveChainProblem(`${sentences} ${asked}`)).toBe(answer)
    expect(solveChainProblem(`\n ${sentences} ${asked} \n`)).toBe(answer)
  })

  test.each([
    ['nothing', ''],
    ['another question', 'What is the capital of France?'],
    ['no question', sentences],
    ['a question alone', question],
    ['a person asked about who is not there', `${sentences} How many coins does Dan have?`],
    ['a person of the first half', `${sentences} How many coins does Ava have?`],
    ['a negative difference', `${sentences} How many more coins does Ben have than Cara?`],
    ['the same person twice', `${sentences} How many coins do Cara and Cara have together?`],
    ['another thing', `${sentences} How many books does Cara have?`],
    ['a thing that the model does not know', `${sentences} ${question}`.replaceAll('coins', 'cars')],
    ['a name that the model does not know', `${sentences} ${question}`.replaceAll('Cara', 'Carl')],
    ['a name from JavaScript', `${sentences} ${question}`.replaceAll('Cara', 'constructor')],
    ['two people', 'Ava has 10 coins. Ben has 4 more than Ava. How many coins does Ben have?'],
    ['someone said twice', `${sentences} Ava has 11 coins. ${question}`],
    ['someone from later', `Ben has 4 more than Ava. Ava has 10 coins. Cara has 3 coins. ${question}`],
    ['a number too large', `Ava has 31 coins. Ben has 4 more than Ava. Cara has 3 coins. ${question}`],
    ['a value too small', `Ava has 4 coins. Ben has 4 fewer than Ava. Cara has 3 coins. ${question}`],
    ['a value too large', `Ava has 30 coins. Ben has 20 more than Ava. Cara has twice as many as Ben. ${question}`],
    ['a sentence of another kind', `${sentences} Dan likes coins. ${question}`],
    ['two spaces', `${sentences}  ${question}`],
    ['a leading zero', `${sentences} ${question}`.replace('10', '010')],
  ])('not a problem: %s', (_, text) => {
    expect(solveChainProblem(text)).toBeUndefined()
    expect(isChainProblem(text)).toBe(false)
  })

  test('refuses any text without an error', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(isChainProblem(text)).toBe(false)
      }),
    )
  })
})

describe('generateChainProblem', () => {
  const seeds = fc.integer({ min: 0, max: 0xffff_ffff })

  test('draws problems that solve to their answers', () => {
    fc.assert(
      fc.property(seeds, fc.integer({ min: 3, max: 16 }), fc.integer({ min: 0, max: 13 }), (seed, least, more) => {
        const most = Math.min(16, least + more)
        const problem = generateChainProblem(seed, { people: [least, most] })
        expect(String(solveChainProblem(problem.question))).toBe(problem.answer)
        expect(isChainProblem(problem.question)).toBe(true)
        expect(Number(problem.answer)).toBeGreaterThanOrEqual(1)
        expect(Number(problem.answer)).toBeLessThanOrEqual(69)
        expect(problem.people).toBeGreaterThanOrEqual(least)
        expect(problem.people).toBeLessThanOrEqual(most)
        expect(problem.question.split('. ')).toHaveLength(problem.people + 1)
      }),
    )
  })

  test('draws the same problem for the same seed', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        expect(generateChainProblem(seed)).toEqual(generateChainProblem(seed))
      }),
    )
  })

  test('draws different problems for different seeds, of every number of people and every kind', () => {
    const problems = Array.from({ length: 1000 }, (_, seed) => generateChainProblem(seed))
    expect(new Set(problems.map((problem) => problem.question)).size).toBe(1000)
    expect(new Set(problems.map((problem) => problem.people)).size).toBe(9)
    for (const words of [/\d more than/, /fewer/, /twice/, /have together\?/, /How many more/, /How many \w+ does/]) {
      expect(problems.filter(({ question: text }) => words.test(text)).length).toBeGreaterThan(200)
    }
  })

  test('draws a given number of people', () => {
    expect(generateChainProblem(1, { people: 5 }).people).toBe(5)
  })

  test.each([[2], [17], [4.5], [NaN], [[5, 4]], [[2, 8]], [[8, 17]]] as const)('refuses %j people', (people) => {
    expect(() => generateChainProblem(1, { people: people as number })).toThrow(InputError)
  })
})
