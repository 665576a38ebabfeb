/**
 * A random order that depends on a seed alone.
 */
import { mulberry32 } from '../mulberry32.ts'

/** 0 .. count - 1 in random order (Fisher and Yates). */
export function shuffledOrder(count: number, seed: number): number[] {
  const draw = mulberry32(seed)
  const left = Array.from({ length: count }, (_, i) => i)
  return Array.from({ length: count }, () => left.splice(Math.floor(draw() * left.length), 1)).flat()
}
