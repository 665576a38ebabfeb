/**
 * People in a line: clues of which none can be left out, and which only one order fits.
 */
import { personNames } from '../chain-grammar.ts'
import { Dice } from '../dice.ts'
import { listOf, type Puzzle } from './puzzle.ts'

/** Indices of people; `place` counts from the left, from 0. */
type Clue =
  | { readonly kind: 'left' | 'beside' | 'apart'; readonly of: readonly [number, number] }
  | { readonly kind: 'between'; readonly of: readonly [number, number]; readonly count: number }
  | { readonly kind: 'not-end'; readonly who: number }
  | { readonly kind: 'place'; readonly who: number; readonly place: number }

const peopleRange = [5, 7] as const
const ordinals = ['first', 'second', 'third', 'fourth', 'fifth', 'sixth', 'seventh'] as const

/** The same seed gives the same puzzle, on every machine. */
export function linePuzzle(seed: number): Puzzle {
  const dice = new Dice(seed)
  const count = dice.between(peopleRange)
  const names = dice.pickSeveral(personNames, count)
  const order = dice.order(count)
  const clues = withoutNeedless(enoughClues(dice, order), permutations(count))
  return { question: render(names, clues), answer: order.map((who) => names[who] ?? '') }
}

/** True clues, until only one order is left. Where somebody stands is said once at most. */
function enoughClues(dice: Dice, order: readonly number[]): Clue[] {
  const clues: Clue[] = []
  let left = permutations(order.length)
  while (left.length > 1) {
    const clue = drawClue(dice, order)
    if (!holds(clue, order) || (clue.kind === 'place' && clues.some(({ kind }) => kind === 'place'))) continue
    const fitting = left.filter((one) => holds(clue, one))
    if (fitting.length === left.length) continue
    clues.push(clue)
    left = fitting
  }
  return clues
}

/** Leaves out what the others say already. */
function withoutNeedless(clues: readonly Clue[], orders: readonly (readonly number[])[]): Clue[] {
  let needed = [...clues]
  for (const clue of clues) {
    const others = needed.filter((one) => one !== clue)
    if (orders.filter((order) => others.every((one) => holds(one, order))).length === 1) needed = others
  }
  return needed
}

function drawClue(dice: Dice, order: readonly number[]): Clue {
  const people = range(order.length)
  const kind = dice.pick(['left', 'left', 'beside', 'apart', 'between', 'not-end', 'place'] as const)
  if (kind === 'not-end') return { kind, who: dice.pick(people) }
  if (kind === 'place') {
    const who = dice.pick(people)
    return { kind, who, place: order.indexOf(who) }
  }
  const of = dice.pickTwo(people)
  return kind === 'between' ? { kind, of, count: distance(order, of) - 1 } : { kind, of }
}

/** @param order who stands where, from the left */
function holds(clue: Clue, order: readonly number[]): boolean {
  switch (clue.kind) {
    case 'left':
      return order.indexOf(clue.of[0]) < order.indexOf(clue.of[1])
    case 'beside':
      return distance(order, clue.of) === 1
    case 'apart':
      return distance(order, clue.of) !== 1
    case 'between':
      // Nobody between is `beside`.
      return clue.count > 0 && distance(order, clue.of) === clue.count + 1
    case 'not-end':
      return ![0, order.length - 1].includes(order.indexOf(clue.who))
    case 'place':
      return order.indexOf(clue.who) === clue.place
  }
}

function distance(order: readonly number[], [first, second]: readonly [number, number]): number {
  return Math.abs(order.indexOf(first) - order.indexOf(second))
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i)
}

function permutations(count: number): number[][] {
  if (count === 0) return [[]]
  return permutations(count - 1).flatMap((shorter) =>
    range(count).map((at) => [...shorter.slice(0, at), count - 1, ...shorter.slice(at)]),
  )
}

function render(names: readonly string[], clues: readonly Clue[]): string {
  const name = (who: number) => names[who] ?? ''
  return [
    `${listOf(names)} stand in a line, side by side.`,
    ...clues.map((clue) => `- ${sentence(clue, name)}`),
    'In which order do they stand, from left to right?',
  ].join('\n')
}

function sentence(clue: Clue, name: (who: number) => string): string {
  if (clue.kind === 'not-end') return `${name(clue.who)} does not stand at an end.`
  if (clue.kind === 'place') return `${name(clue.who)} is ${ordinals[clue.place] ?? ''} from the left.`
  const [first, second] = [name(clue.of[0]), name(clue.of[1])]
  switch (clue.kind) {
    case 'left':
      return `${first} stands somewhere to the left of ${second}.`
    case 'beside':
      return `${first} and ${second} stand next to each other.`
    case 'apart':
      return `${first} and ${second} do not stand next to each other.`
    case 'between':
      return `Exactly ${clue.count === 1 ? 'one person stands' : `${clue.count} people stand`} between ${first} and ${second}.`
  }
}
