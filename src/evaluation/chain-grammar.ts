/**
 * The sentences of chain problems, the only kind of text that the embedded model was trained on: from text to data and back,
 * and the values that follow.
 */

export const personNames: readonly string[] =
  'Ava Ben Cara Dan Eva Finn Gus Hana Ivy Jack Kate Liam Mia Noah Olga Paul Quin Rosa Sam Tara Uma Vera Will Xena Yara Zoe'.split(
    ' ',
  )
export const thingNames: readonly string[] = 'marbles coins books stamps apples cards shells beads'.split(' ')

/** How many people a problem has, least and most. */
export const peopleRange = [3, 16] as const
/** What each person has, and what two have together in the question, least and most. */
const valueRange = [1, 69] as const
/** The number in a sentence, by its kind, least and most. */
export const countRanges = { plain: [2, 30], more: [2, 20], fewer: [2, 15] } as const

export type Range = readonly [least: number, most: number]

/** What a sentence says that its person has. */
export type Amount =
  | { readonly kind: 'plain'; readonly count: number }
  | { readonly kind: 'more' | 'fewer'; readonly count: number; readonly than: string }
  | { readonly kind: 'together'; readonly of: readonly [string, string] }
  | { readonly kind: 'twice'; readonly of: string }

/** What is asked at the end. */
export type ChainQuestion =
  | { readonly kind: 'one'; readonly person: string }
  | { readonly kind: 'together' | 'difference'; readonly people: readonly [string, string] }

export interface ChainProblemText {
  readonly thing: string
  readonly sentences: readonly { readonly person: string; readonly amount: Amount }[]
  readonly asked: ChainQuestion
}

/** Values by person, in the order of the sentences. */
export type Values = ReadonlyMap<string, number>

export function within(value: number, [least, most]: Range): boolean {
  return value >= least && value <= most
}

/** The people that may be asked about: the second half, which is the larger one if their number is odd. */
export function secondHalf(people: readonly string[]): readonly string[] {
  return people.slice(Math.floor(people.length / 2))
}

/** What a person has, given what the people before have; undefined if that breaks a rule of the grammar. */
export function valueOf(amount: Amount, values: Values): number | undefined {
  const value = compute(amount, values)
  return value !== undefined && within(value, valueRange) ? value : undefined
}

/** The answer, given what everyone has; undefined if the question breaks a rule of the grammar. */
export function answerOf(asked: ChainQuestion, values: Values): number | undefined {
  const allowed = secondHalf([...values.keys()])
  const [first, second] = (asked.kind === 'one' ? [asked.person] : asked.people).map((person) =>
    allowed.includes(person) ? values.get(person) : undefined,
  )
  if (asked.kind === 'one') return first
  if (first === undefined || second === undefined || asked.people[0] === asked.people[1]) return undefined
  const answer = asked.kind === 'together' ? first + second : first - second
  return within(answer, valueRange) ? answer : undefined
}

export function render({ thing, sentences, asked }: ChainProblemText): string {
  const said = sentences.map(({ person, amount }) => `${person} has ${renderAmount(amount, thing)}.`)
  return [...said, renderAsked(asked, thing)].join(' ')
}

/** The reverse of `render`; checks words only. */
export function parse(text: string): ChainProblemText | undefined {
  const parts = text.trim().split(/(?<=\.) /)
  const asked = parseAsked(parts.pop() ?? '')
  const sentences = parts.map(parseSentence)
  const known = sentences.filter((sentence) => sentence !== undefined)
  if (!asked || known.length < sentences.length) return undefined
  const things = new Set([asked.thing, ...known.flatMap(({ thing }) => thing ?? [])])
  return things.size === 1 && thingNames.includes(asked.thing)
    ? { thing: asked.thing, sentences: known, asked: asked.asked }
    : undefined
}

function compute(amount: Amount, values: Values): number | undefined {
  switch (amount.kind) {
    case 'plain':
      return within(amount.count, countRanges.plain) ? amount.count : undefined
    case 'more':
    case 'fewer': {
      const other = values.get(amount.than)
      if (other === undefined || !within(amount.count, countRanges[amount.kind])) return undefined
      return amount.kind === 'more' ? other + amount.count : other - amount.count
    }
    case 'together': {
      const [first, second] = amount.of.map((person) => values.get(person))
      return first === undefined || second === undefined || amount.of[0] === amount.of[1] ? undefined : first + second
    }
    case 'twice': {
      const other = values.get(amount.of)
      return other === undefined ? undefined : 2 * other
    }
  }
}

function renderAmount(amount: Amount, thing: string): string {
  switch (amount.kind) {
    case 'plain':
      return `${amount.count} ${thing}`
    case 'more':
    case 'fewer':
      return `${amount.count} ${amount.kind} than ${amount.than}`
    case 'together':
      return `as many as ${amount.of[0]} and ${amount.of[1]} together`
    case 'twice':
      return `twice as many as ${amount.of}`
  }
}

function renderAsked(asked: ChainQuestion, thing: string): string {
  if (asked.kind === 'one') return `How many ${thing} does ${asked.person} have?`
  const [first, second] = asked.people
  return asked.kind === 'together'
    ? `How many ${thing} do ${first} and ${second} have together?`
    : `How many more ${thing} does ${first} have than ${second}?`
}

type ParsedSentence = ChainProblemText['sentences'][number] & { readonly thing?: string }

function parseSentence(text: string): ParsedSentence | undefined {
  const [, person = '', said = ''] = /^(\w+) has (.+)\.$/.exec(text) ?? []
  const plain = /^([1-9]\d*) (\w+)$/.exec(said)
  if (plain) {
    const [, count, thing = ''] = plain
    return { person, amount: { kind: 'plain', count: Number(count) }, thing }
  }
  const compared = /^([1-9]\d*) (more|fewer) than (\w+)$/.exec(said)
  if (compared) {
    const [, count, word, than = ''] = compared
    return { person, amount: { kind: word === 'more' ? 'more' : 'fewer', count: Number(count), than } }
  }
  const together = /^as many as (\w+) and (\w+) together$/.exec(said)
  if (together) {
    const [, first = '', second = ''] = together
    return { person, amount: { kind: 'together', of: [first, second] } }
  }
  const [, of] = /^twice as many as (\w+)$/.exec(said) ?? []
  return of === undefined ? undefined : { person, amount: { kind: 'twice', of } }
}

function parseAsked(text: string): { asked: ChainQuestion; thing: string } | undefined {
  const one = /^How many (\w+) does (\w+) have\?$/.exec(text)
  if (one) {
    const [, thing = '', person = ''] = one
    return { thing, asked: { kind: 'one', person } }
  }
  const together = /^How many (\w+) do (\w+) and (\w+) have together\?$/.exec(text)
  const two = together ?? /^How many more (\w+) does (\w+) have than (\w+)\?$/.exec(text)
  if (!two) return undefined
  const [, thing = '', first = '', second = ''] = two
  return { thing, asked: { kind: together ? 'together' : 'difference', people: [first, second] } }
}
