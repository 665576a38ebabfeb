/** The weights that a training begins with. */
import { mulberry32 } from '../mulberry32.ts'
import type { WeightMatrix } from '../predictor/checkpoint.ts'

/** The paper's shape: d, 2d, d/2, 1. */
export function predictorSizes(hiddenSize: number): number[] {
  return [hiddenSize, 2 * hiddenSize, Math.max(1, Math.floor(hiddenSize / 2)), 1]
}

/**
 * Uniform in +-1 / sqrt(inputs): He's initialisation with the gain that PyTorch gives a linear layer by default, which the
 * authors' training begins with. Softplus neither saturates nor becomes a line at these sizes.
 * @param sizes of input, inner layers and output
 */
export function initialWeights(sizes: readonly number[], seed: number): WeightMatrix[] {
  const random = mulberry32(seed)
  return sizes.slice(1).map((rows, i) => {
    const columns = sizes[i] ?? 0
    const bound = 1 / Math.sqrt(columns)
    return { rows, columns, weights: Float32Array.from({ length: rows * columns }, () => bound * (2 * random() - 1)) }
  })
}
