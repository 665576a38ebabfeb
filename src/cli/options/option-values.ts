/**
 * How the values of options are read, and what is refused of them in every command: what is no number, what is named twice, and
 * what has no effect.
 */
import { InvalidArgumentError, type Command } from 'commander'
import { InputError } from '../../errors.ts'
import { parseNumber } from '../../parse-number.ts'

export { checkWhole } from '../../check-whole.ts'

/** For options that take a number; its range is checked where it is used. */
export function number(text: string): number {
  const value = parseNumber(text)
  if (value === undefined) throw new InvalidArgumentError('It is not a number.')
  return value
}

/** `a,b,c` */
export function names(text: string): string[] {
  const all = text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
  if (all.length === 0) throw new InvalidArgumentError('It names nothing.')
  refuseTwice(all)
  return all
}

/** `1,2,3`, each as strictly as where there is only one. */
export function numbers(text: string): number[] {
  const all = text.split(',').map(number)
  refuseTwice(all)
  return all
}

/** One value of a list, for options that may be repeated. */
export function collect(text: string, before: string[] | undefined): string[] {
  return [...(before ?? []), text]
}

const pairSeparator = '\u0000'
const pairOptions = ['--thinking-tags']

/** Commander's options take one value, or all that follow: of those that take two, the values are joined for `pair`. */
export function joinPairs(argv: readonly string[]): string[] {
  const joined: string[] = []
  for (let i = 0; i < argv.length; i++) {
    const [word = '', first, second] = argv.slice(i, i + 3)
    if (word === '--') return [...joined, ...argv.slice(i)]
    joined.push(word)
    if (!pairOptions.includes(word) || first === undefined || second === undefined) continue
    joined.push(`${first}${pairSeparator}${second}`)
    i += 2
  }
  return joined
}

/** For options that take two values; they may also be given as one, with white space between. */
export function pair(text: string): [string, string] {
  const parts = text.includes(pairSeparator) ? text.split(pairSeparator) : text.trim().split(/\s+/)
  const [first = '', second = ''] = parts
  if (parts.length !== 2 || first === '' || second === '') throw new InvalidArgumentError('It takes two values.')
  if (first === second) throw new InvalidArgumentError('Its two values must differ.')
  return [first, second]
}

function refuseTwice(all: readonly (string | number)[]): void {
  const twice = all.find((item, i) => all.indexOf(item) < i)
  if (twice !== undefined) throw new InvalidArgumentError(`It names ${twice} twice.`)
}

/**
 * Refuses options that would have no effect.
 * @param values by flag; undefined and false: not given
 * @param why e.g. `without --endpoint`
 * @throws InputError `invalid_option`
 */
export function refuseWithoutEffect(values: Readonly<Record<string, unknown>>, why: string): void {
  const stray = Object.entries(values).find(([, value]) => value !== undefined && value !== false)?.[0]
  if (stray !== undefined) throw new InputError('invalid_option', `${stray} has no effect ${why}: leave it out`)
}

/** Refuses an option together with its negation. Of one that is given twice the last counts, as with other programs. */
export function refuseContradictions(command: Command): void {
  const given = new Map<string, string>()
  for (const option of command.options) {
    command.on(`option:${option.name()}`, () => {
      const key = option.attributeName()
      const earlier = given.get(key) ?? option.name()
      given.set(key, option.name())
      if (earlier !== option.name()) {
        command.error(`error: --${earlier} and ${option.long ?? ''} contradict each other`)
      }
    })
  }
}
