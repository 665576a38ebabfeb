/**
 * The scale of what a predictor was trained to estimate. Eviction needs only the order of the scores, so the target is
 * recorded, not undone.
 */
import { InputError } from '../errors.ts'

/**
 * `power:P`: (importance / mean over the trace)^P, the default with P = 0.3. `linear`: the importance itself. `x10000`,
 * `box-cox`: the authors' scalings for R1-Llama (10000 x) and R1-Qwen (10 x^0.3 / 0.3).
 */
export type Target = 'linear' | 'x10000' | 'box-cox' | `power:${number}`

export const defaultTarget: Target = 'power:0.3'

/** @throws InputError `invalid_target` */
export function parseTarget(text: string): Target {
  if (text === 'linear' || text === 'x10000' || text === 'box-cox') return text
  const exponent = /^power:(\d*\.?\d+(?:e[+-]\d+)?)$/.exec(text)?.[1]
  if (exponent !== undefined && Number(exponent) > 0) return `power:${Number(exponent)}`
  throw new InputError(
    'invalid_target',
    `"${text}" is no target: use power:P with P above 0 (for example power:0.3), linear, x10000 or box-cox.`,
  )
}

/**
 * Importance on the scale that a predictor learns. Every scale keeps the order.
 * @param importance of thinking tokens of one trace, shape [n], none negative
 * @param mean over all thinking tokens of the trace, also of those that are not among the n
 */
export function transformTarget(target: Target, importance: Float32Array, mean: number): Float32Array {
  switch (target) {
    case 'linear':
      return importance
    case 'x10000':
      return importance.map((x) => x * 10_000)
    case 'box-cox':
      return importance.map((x) => (10 * x ** 0.3) / 0.3)
    default: {
      const exponent = Number(target.slice('power:'.length))
      return importance.map((x) => (mean > 0 ? (x / mean) ** exponent : 0))
    }
  }
}

export function meanOf(values: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i] ?? NaN
  return sum / values.length
}
