/** Whole numbers within bounds. */
import { InputError } from './errors.ts'

export function isWhole(value: number, least: number, most = Infinity): boolean {
  return Number.isInteger(value) && value >= least && value <= most
}

/**
 * @param name of the option, as whoever gave it spells it
 * @param value undefined: it was not given
 * @throws InputError `invalid_option`
 */
export function checkWhole(
  name: string,
  value: number | undefined,
  least: number,
  most = Number.MAX_SAFE_INTEGER,
): void {
  if (value === undefined || isWhole(value, least, most)) return
  const isOpen = most === Number.MAX_SAFE_INTEGER && !(value > most)
  const range = isOpen ? `of at least ${least}` : `from ${least} to ${most}`
  throw new InputError('invalid_option', `${name} must be a whole number ${range}, not ${value}`)
}
