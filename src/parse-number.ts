/** Reads numbers that people write. */

/**
 * A number in decimal digits, `-3`, `0.25`, `.5` or `5e-4`; undefined for anything else: other bases, signs before positive
 * numbers, white space, infinities, and what is too large for a number.
 */
export function parseNumber(text: string): number | undefined {
  if (!/^-?(?:\d+(?:\.\d+)?|\.\d+)(?:e[-+]?\d+)?$/i.test(text)) return undefined
  const value = Number(text)
  if (!Number.isFinite(value)) return undefined
  return value === 0 ? 0 : value
}
