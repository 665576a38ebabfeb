/**
 * Dense layers with Softplus in double precision, in plain TypeScript: what the trainer's results are compared with.
 */
import { Float16Array } from '@petamoriken/float16'
import type { DenseTrainerOptions } from '../../src/llama/dense-trainer.ts'
import type { DenseLayer } from '../../src/llama/matrix-graph.ts'

export const optimizer: DenseTrainerOptions['optimizer'] = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.01 }
/** Small enough to change every weight in turn. */
export const shape = [6, 12, 3, 1]

/** An element that must be there: NaN spoils the result. */
const at = (values: ArrayLike<number> | undefined, i: number) => values?.[i] ?? NaN

/** Weights of a size that keeps outputs where Softplus bends. */
export function randomLayers(sizes: readonly number[], random: () => number): DenseLayer[] {
  return sizes.slice(1).map((rows, i) => {
    const columns = at(sizes, i)
    const scale = 2 / Math.sqrt(columns)
    const weights = Float32Array.from({ length: rows * columns }, () => (random() * 2 - 0.9) * scale)
    return { rows, columns, weights }
  })
}

export interface Batch {
  readonly rows: number
  readonly inputs: Float64Array
  /** The inputs as float16 bit patterns: they are exactly representable. */
  readonly states: Uint16Array
  readonly targets: Float64Array
  /** The loss is the sum of the squared errors, weighted with these. */
  readonly importance: Float64Array
  readonly gradientOf: (outputs: Float32Array, from: number) => Float32Array
}

export function randomBatch(rows: number, columns: number, random: () => number, outputs = 1): Batch {
  const inputs = new Float16Array(rows * columns).map(() => random() * 4 - 2)
  const targets = Float64Array.from({ length: rows * outputs }, () => random() * 3)
  const importance = Float64Array.from({ length: rows * outputs }, () => random() + 0.1)
  const states = new Uint16Array(inputs.buffer)
  const gradientOf = (values: Float32Array, from: number) =>
    values.map((value, i) => slope(value, targets, importance, from * outputs + i))
  return { rows, inputs: Float64Array.from(inputs), targets, importance, states, gradientOf }
}

const slope = (value: number, targets: Float64Array, importance: Float64Array, i: number) =>
  2 * at(importance, i) * (value - at(targets, i))

/** dLoss/dOutput that is the same everywhere. */
export const constantGradient = (value: number) => (outputs: Float32Array) => outputs.map(() => value)

type Weights = readonly ArrayLike<number>[]

/** The inputs, then the outputs of every layer. */
export function referenceForward(layers: readonly DenseLayer[], weights: Weights, batch: Batch): Float64Array[] {
  let x = batch.inputs
  const activations = layers.map(({ rows, columns }, l) => {
    const input = x
    x = new Float64Array(batch.rows * rows).map((_, i) => {
      const [n, r] = [Math.floor(i / rows), i % rows]
      let z = 0
      for (let k = 0; k < columns; k++) z += at(weights[l], r * columns + k) * at(input, n * columns + k)
      return Math.log1p(Math.exp(z))
    })
    return x
  })
  return [batch.inputs, ...activations]
}

export function referenceLoss(layers: readonly DenseLayer[], weights: Weights, batch: Batch): number {
  const outputs = referenceForward(layers, weights, batch).at(-1) ?? new Float64Array(0)
  return outputs.reduce((sum, value, i) => sum + at(batch.importance, i) * (value - at(batch.targets, i)) ** 2, 0)
}

export function referenceGradient(layers: readonly DenseLayer[], weights: Weights, batch: Batch): Float64Array[] {
  const activations = referenceForward(layers, weights, batch)
  const outputs = activations.at(-1) ?? new Float64Array(0)
  let dA = outputs.map((value, i) => slope(value, batch.targets, batch.importance, i))
  const gradients = layers.map(({ rows, columns }) => new Float64Array(rows * columns))
  for (const [l, { rows, columns }] of [...layers.entries()].reverse()) {
    const [x, a, dX] = [activations[l], activations[l + 1], new Float64Array(batch.rows * columns)]
    const gradient = gradients[l] ?? new Float64Array(0)
    for (let n = 0; n < batch.rows; n++) {
      for (let r = 0; r < rows; r++) {
        const dz = at(dA, n * rows + r) * (1 - Math.exp(-at(a, n * rows + r)))
        for (let k = 0; k < columns; k++) {
          gradient[r * columns + k] = at(gradient, r * columns + k) + dz * at(x, n * columns + k)
          dX[n * columns + k] = at(dX, n * columns + k) + dz * at(weights[l], r * columns + k)
        }
      }
    }
    dA = dX
  }
  return gradients
}

/** The largest difference, as a share of the largest value of its matrix; NaN if the sizes differ. */
export function difference(actual: Weights, expected: Weights): number {
  const shares = expected.map((array, l) => {
    if (array.length !== actual[l]?.length) return NaN
    const values = Array.from(array)
    return Math.max(...values.map((value, i) => Math.abs(value - at(actual[l], i)))) / Math.max(...values.map(Math.abs))
  })
  return actual.length === expected.length ? Math.max(...shares) : NaN
}

export const bits = (arrays: readonly Float32Array[]) =>
  arrays.map((array) => Buffer.from(array.buffer).toString('hex'))
