/** Draws evenly, from a seed: the same on every machine. */
import { jsonDigest } from '../json-digest.ts'
import { mulberry32 } from '../mulberry32.ts'

export class Dice {
  readonly #draw: () => number

  /** @param seed a whole number; its lowest 32 bits count */
  constructor(seed: number) {
    this.#draw = mulberry32(seed)
  }

  /** A whole number, both ends included. */
  between([least, most]: readonly [least: number, most: number]): number {
    return least + Math.floor(this.#draw() * (most - least + 1))
  }

  pick<T>(values: readonly T[]): T {
    const value = values[this.between([0, values.length - 1])]
    if (value === undefined) throw new Error('there is nothing to pick from')
    return value
  }

  pickTwo<T>(values: readonly T[]): readonly [T, T] {
    const [first, second] = this.pickSeveral(values, 2)
    if (first === undefined || second === undefined) throw new Error('there are fewer than two to pick from')
    return [first, second]
  }

  /** Different ones, in random order. */
  pickSeveral<T>(values: readonly T[], count: number): T[] {
    const left = [...values]
    return Array.from({ length: Math.min(count, left.length) }, () => {
      const value = this.pick(left)
      left.splice(left.indexOf(value), 1)
      return value
    })
  }

  /** 0 .. count - 1 in random order. */
  order(count: number): number[] {
    const all = Array.from({ length: count }, (_, i) => i)
    return this.pickSeveral(all, count)
  }
}

/**
 * A seed that depends on what it is for, and on nothing else: neither on the machine nor on the order of work.
 * @returns 32 bits of a SHA-256 of the parts
 */
export function seedOf(...parts: readonly (string | number)[]): number {
  return jsonDigest(parts).readUInt32LE()
}
