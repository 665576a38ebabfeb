/** Chain problems, the only kind of question that the embedded model knows: draws them and solves them. */
import { InputError } from '../errors.ts'
import {
  answerOf,
  countRanges,
  parse,
  peopleRange,
  personNames,
  render,
  secondHalf,
  thingNames,
  valueOf,
  within,
  type Amount,
  type ChainQuestion,
  type ChainProblemText,
  type Range,
  type Values,
} from './chain-grammar.ts'
import { Dice } from './dice.ts'

export interface ChainProblem {
  readonly question: string
  /** As the model writes it into its box. */
  readonly answer: string
  /** How many people the problem has. */
  readonly people: number
}

export interface ChainProblemOptions {
  /** How many people, or the least and the most: 3 to 16. Default 8 to 16, as in the shipped test problems. */
  readonly people?: number | Range | undefined
}

/**
 * Draws a problem. The same seed and options give the same problem.
 * @param seed a whole number; its lowest 32 bits count
 * @throws InputError `invalid_people`
 */
export function generateChainProblem(seed: number, options: ChainProblemOptions = {}): ChainProblem {
  const { people = [8, 16] } = options
  const range = typeof people === 'number' ? ([people, people] as const) : people
  checkPeople(range)
  const dice = new Dice(seed)
  const count = dice.between(range)
  for (;;) {
    const problem = drawProblem(dice, count)
    if (problem) return problem
  }
}

/**
 * The answer of a chain problem; undefined if the text is not one. White space around the text does not count; everything
 * else must be as the grammar has it (names, things, ranges), because the embedded model has seen nothing else.
 */
export function solveChainProblem(question: string): number | undefined {
  const problem = parse(question)
  return problem && solve(problem)
}

/** Whether the embedded model knows this kind of question. */
export function isChainProblem(question: string): boolean {
  return solveChainProblem(question) !== undefined
}

function solve({ sentences, asked }: ChainProblemText): number | undefined {
  if (!within(sentences.length, peopleRange)) return undefined
  const values = new Map<string, number>()
  for (const { person, amount } of sentences) {
    const value = valueOf(amount, values)
    if (value === undefined || values.has(person) || !personNames.includes(person)) return undefined
    values.set(person, value)
  }
  return answerOf(asked, values)
}

/** One attempt; undefined if it breaks a rule, and then the whole problem is drawn again. */
function drawProblem(dice: Dice, count: number): ChainProblem | undefined {
  const people = dice.pickSeveral(personNames, count)
  const thing = dice.pick(thingNames)
  const values = new Map<string, number>()
  const sentences = []
  for (const person of people) {
    const amount = drawAmount(dice, [...values.keys()])
    const value = valueOf(amount, values)
    if (value === undefined) return undefined
    values.set(person, value)
    sentences.push({ person, amount })
  }
  const asked = drawAsked(dice, values)
  const answer = answerOf(asked, values)
  if (answer === undefined) return undefined
  return { question: render({ thing, sentences, asked }), answer: String(answer), people: count }
}

const kinds = ['more', 'more', 'fewer', 'fewer', 'together', 'twice', 'plain'] as const
const secondPersonKinds = ['more', 'fewer', 'twice', 'plain'] as const

function drawAmount(dice: Dice, before: readonly string[]): Amount {
  if (before.length === 0) return { kind: 'plain', count: dice.between(countRanges.plain) }
  const kind = dice.pick(before.length === 1 ? secondPersonKinds : kinds)
  switch (kind) {
    case 'plain':
      return { kind, count: dice.between(countRanges.plain) }
    case 'more':
    case 'fewer':
      return { kind, count: dice.between(countRanges[kind]), than: dice.pick(before) }
    case 'together':
      return { kind, of: dice.pickTwo(before) }
    case 'twice':
      return { kind, of: dice.pick(before) }
  }
}

function drawAsked(dice: Dice, values: Values): ChainQuestion {
  const half = secondHalf([...values.keys()])
  const kind = dice.pick(['one', 'together', 'difference'] as const)
  if (kind === 'one') return { kind, person: dice.pick(half) }
  const [first, second] = dice.pickTwo(half)
  const swap = kind === 'difference' && (values.get(first) ?? 0) < (values.get(second) ?? 0)
  return { kind, people: swap ? [second, first] : [first, second] }
}

function checkPeople([least, most]: Range): void {
  const ok = Number.isInteger(least) && Number.isInteger(most) && least <= most
  if (ok && within(least, peopleRange) && within(most, peopleRange)) return
  throw new InputError(
    'invalid_people',
    `A chain problem has ${peopleRange[0]} to ${peopleRange[1]} people, not ${least === most ? least : `${least} to ${most}`}.`,
  )
}
