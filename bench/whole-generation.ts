/**
 * How long a generation of 16,384 tokens takes, by integration over measured steps. Up to its first eviction DynTS has the
 * steps of the full cache; then cycle follows cycle.
 */
import type { Derived } from './compare.ts'
import { integrate, type Point } from './integrate.ts'
import type { Round } from './measurements.ts'
import type { Sizes } from './sizes.ts'

/** @param measured names of the measured values, by position */
export function wholeFull(name: string, { promptTokens, newTokens }: Sizes, measured: Measured): Derived {
  const of = (round: Round) => integrate(pointsOf(round, measured), promptTokens, promptTokens + newTokens)
  return { name, unit: 's', of }
}

/**
 * @param measured names of the values measured where nothing has been evicted yet, by position
 * @param cycle name of the milliseconds per step of a whole cycle
 */
export function wholeDynts(name: string, sizes: Sizes, measured: Measured, cycle: string): Derived {
  const { promptTokens, newTokens, cache } = sizes
  const firstEviction = Math.min(cache.budget - 1, promptTokens + newTokens)
  const later = promptTokens + newTokens - firstEviction
  const of = (round: Round) =>
    integrate(pointsOf(round, measured), promptTokens, firstEviction) + (later * (round[cycle] ?? NaN)) / 1000
  return { name, unit: 's', of }
}

export type Measured = readonly { readonly position: number; readonly name: string }[]

function pointsOf(round: Round, measured: Measured): Point[] {
  return measured.map(({ position, name }) => ({ position, ms: round[name] ?? NaN }))
}
