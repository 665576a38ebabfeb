/** Sizes as people write them. */
import { InputError } from '../../errors.ts'

/** Fewer without a unit are meant as something else. */
const leastBytes = 1e6

/**
 * Bytes of `16GB`, `512 MiB`, `1e9`.
 * @throws InputError `invalid_option` naming the flag
 */
export function memorySize(flag: string, text: string): number {
  const [, amount = '', unit = '', binary] = /^(\d+(?:\.\d+)?(?:e\d+)?)\s*([KMGT]?)(i?)B?$/i.exec(text.trim()) ?? []
  const bytes = Number(amount) * (binary ? 1024 : 1000) ** ' KMGT'.indexOf(unit.toUpperCase() || ' ')
  if (/\d$/.test(text.trim()) && bytes > 0 && bytes < leastBytes) {
    throw new InputError(
      'invalid_option',
      `${flag} takes a size such as 16GB; "${text}" has no unit and would be bytes`,
    )
  }
  if (amount !== '' && bytes > 0) return bytes
  throw new InputError('invalid_option', `${flag} takes a size such as 16GB, not "${text}"`)
}
