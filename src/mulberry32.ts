/**
 * Random numbers that are the same on every machine for the same seed. Not for secrets.
 */

/** Tommy Ettinger's Mulberry32 generator (public domain): each call gives a number in [0, 1), a multiple of 2^-32. */
export function mulberry32(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
