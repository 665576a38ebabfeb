/**
 * Texts in which one fact is stated once and needed at the end: people and what they have, among sums that are true and of no use.
 * Knows no tokens. All words and numbers are the embedded model's as well.
 */
import { personNames } from '../chain-grammar.ts'
import { Dice } from '../dice.ts'

export interface RecallText {
  /** The user's message. It does not say which fact will be needed. */
  readonly question: string
  /** How the thinking begins. */
  readonly opening: string
  /** Sentences between the opening and the fact, in their order; any number of the first ones will do. Each begins with a space. */
  readonly before: readonly string[]
  /** The fact, e.g. `Hana = 20`. */
  readonly statement: string
  /** Sentences behind the fact, likewise. */
  readonly after: readonly string[]
  /** What the answer says before the value: `Hana =`. */
  readonly cue: string
  /** `20` */
  readonly value: string
}

const question = 'Who has how many coins? Note what each person has.'
const opening = 'Okay, so I note what each person has.'
/** Two digits, within what the embedded model has seen. */
const valueRange = [10, 69] as const

/**
 * The same seed gives the same sentences, however many.
 * @param count how many sentences before the fact, and how many behind it
 */
export function recallText(seed: number, count: { readonly before: number; readonly after: number }): RecallText {
  const dice = new Dice(seed)
  const [person = '', ...others] = dice.pickSeveral(personNames, personNames.length)
  const value = dice.between(valueRange)
  const half = Math.floor(others.length / 2)
  const sentences = (length: number, people: readonly string[]) => {
    const next = sentencesOf(new Dice(dice.between([0, 2 ** 31 - 1])), people, value)
    return Array.from({ length }, next)
  }
  return {
    question,
    opening,
    before: sentences(count.before, others.slice(0, half)),
    statement: `${person} = ${value}`,
    after: sentences(count.after, others.slice(half)),
    cue: `${person} =`,
    value: String(value),
  }
}

/**
 * Other people's facts, each stated once as well; when all are said, sums alone.
 * @param taken a value that none of them has
 * @returns what gives the next sentence
 */
function sentencesOf(dice: Dice, people: readonly string[], taken: number): () => string {
  const others = [...people]
  const [least, most] = valueRange
  const otherValue = () => {
    const value = dice.between([least, most - 1])
    return value < taken ? value : value + 1
  }
  return () => {
    const [kind, first, second] = [dice.between([0, 3]), dice.between([2, 40]), dice.between([2, 29])]
    const other = kind === 0 ? others.pop() : undefined
    if (other !== undefined) return ` ${other} = ${otherValue()}.`
    const sum = first + second
    return kind === 1 ? ` ${sum} - ${second} = ${first}.` : ` ${first} + ${second} = ${sum}.`
  }
}
