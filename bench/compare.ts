/**
 * Measures several variants side by side: A B A B ..., so that whatever else the machine does meets all of them.
 */
import type { Bench } from './bench.ts'
import type { RatioPlan } from './measurements.ts'

export interface Variant {
  readonly name: string
  readonly unit: string
  /** One measurement; several values at once if they come from the same run. */
  measure(): Promise<number | Readonly<Record<string, number>>>
}

/** Every variant once in each repetition; one round of measurements for each repetition. */
export async function compare(bench: Bench, variants: readonly Variant[], ratios: readonly RatioPlan[]): Promise<void> {
  const { measurements } = bench
  measurements.ratios.push(...ratios)
  const { repetitions } = bench
  const total = repetitions * variants.length
  for (let repetition = 0; repetition < repetitions; repetition++) {
    const round: Record<string, number> = {}
    for (const [i, variant] of variants.entries()) {
      bench.setSpan((repetition * variants.length + i) / total, 1 / total, variant.name)
      await bench.breathe(0)
      const measured = await variant.measure()
      const values = typeof measured === 'number' ? { [variant.name]: measured } : measured
      for (const [name, value] of Object.entries(values)) {
        round[name] = value
        measurements.units[name] ??= variant.unit
      }
    }
    measurements.rounds.push(round)
  }
}
