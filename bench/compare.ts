/**
 * Measures several variants side by side: A B A B ..., so that whatever else the machine does meets all of them.
 */
import type { Bench } from './bench.ts'
import type { RatioPlan, Round, Target } from './measurements.ts'

export interface Variant {
  readonly name: string
  readonly unit: string
  /** How long one measurement takes beside the others', for the time that is left. Default 1. */
  readonly cost?: number
  /** What the measured value should be. */
  readonly target?: Target
  /** One measurement; several values at once if they come from the same run. */
  measure(): Promise<number | Readonly<Record<string, number>>>
}

/** A value that follows from those of the same round. */
export interface Derived {
  readonly name: string
  readonly unit: string
  readonly of: (round: Round) => number
}

/** Every variant once in each repetition; one round of measurements for each repetition. */
export async function compare(
  bench: Bench,
  variants: readonly Variant[],
  ratios: readonly RatioPlan[],
  derived: readonly Derived[] = [],
): Promise<void> {
  const { measurements } = bench
  measurements.ratios.push(...ratios)
  const { repetitions } = bench
  const costs = variants.map(({ cost = 1 }) => cost)
  const cycle = costs.reduce((a, b) => a + b, 0)
  const total = repetitions * cycle
  for (let repetition = 0; repetition < repetitions; repetition++) {
    const round: Record<string, number> = {}
    let done = repetition * cycle
    for (const variant of variants) {
      const { cost = 1, target } = variant
      if (target) measurements.targets[variant.name] = target
      bench.setSpan(done / total, cost / total, variant.name)
      done += cost
      await bench.breathe(0)
      const measured = await variant.measure()
      const values = typeof measured === 'number' ? { [variant.name]: measured } : measured
      for (const [name, value] of Object.entries(values)) {
        round[name] = value
        measurements.units[name] ??= variant.unit
      }
    }
    for (const { name, unit, of } of derived) {
      round[name] = of(round)
      measurements.units[name] ??= unit
    }
    measurements.rounds.push(round)
  }
}
