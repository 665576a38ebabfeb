/** The interval of an estimate, for people. */
import type { Estimate } from '../evaluation/metrics/estimate.ts'

/** e.g. `(12.0 % to 15.5 %)`; empty where there is none. */
export function intervalText(estimate: Estimate | null, show: (value: number) => string): string {
  const interval = estimate?.interval
  return interval ? `(${show(interval.low)} to ${show(interval.high)})` : ''
}
