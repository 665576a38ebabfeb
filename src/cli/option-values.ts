/**
 * How the values of options are read, and what is refused of them in every command: what is no number, what is named twice, and
 * what has no effect.
 */
import { InvalidArgumentError, type Command } from 'commander'
import { InputError } from '../errors.ts'
import { parseNumber } from '../parse-number.ts'

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

/** `1,2,3` */
export function numbers(text: string): number[] {
  const all = names(text).map(number)
  refuseTwice(all)
  return all
}

/** One value of a list, for options that may be repeated. */
export function collect(text: string, before: string[] | undefined): string[] {
  return [...(before ?? []), text]
}

function refuseTwice(all: readonly (string | number)[]): void {
  const twice = all.find((item, i) => all.indexOf(item) < i)
  if (twice !== undefined) throw new InvalidArgumentError(`It names ${twice} twice.`)
}

/** @throws InputError `invalid_option` */
export function checkWhole(
  flag: string,
  value: number | undefined,
  least: number,
  most = Number.MAX_SAFE_INTEGER,
): void {
  if (value === undefined || (Number.isInteger(value) && value >= least && value <= most)) return
  const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`
  throw new InputError('invalid_option', `${flag} must be a whole number ${range}, not ${value}`)
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

/**
 * Refuses an option that is given twice, or together with its negation, unless it collects its values. A flag without a value
 * may stand twice.
 */
export function refuseRepeats(command: Command): void {
  const given = new Map<string, { readonly name: string; readonly value: unknown }>()
  for (const option of command.options) {
    command.on(`option:${option.name()}`, (value: unknown) => {
      const key = option.attributeName()
      const earlier = given.get(key)
      given.set(key, { name: option.name(), value })
      if (!earlier) return
      if (earlier.name !== option.name()) {
        command.error(`error: --${earlier.name} and ${option.long ?? ''} contradict each other`)
      }
      if (value === null || option.isBoolean() || repeatable.has(option.parseArg)) return
      command.error(`error: ${option.long ?? option.flags} is given twice`)
    })
  }
}

/** Parsers of options whose values add up. */
const repeatable = new Set<unknown>([collect])

/** Lets an option with this parser be repeated. */
export function mayRepeat<Parser>(parser: Parser): Parser {
  repeatable.add(parser)
  return parser
}
