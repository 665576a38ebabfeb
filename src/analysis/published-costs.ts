/**
 * What the paper printed of its two models' costs, for comparison. Never part of a series of ours.
 *
 * Source: arXiv 2601.18383, Figures 5 (R1-Llama) and 14 (R1-Qwen): labels at the evictions of one run of 20 sequences in parallel.
 */
import type { CacheSettings } from '../cache/budget.ts'
import type { HeadShape } from './cost-shape.ts'

export interface PublishedCosts {
  readonly figure: number
  readonly shape: HeadShape
  readonly settings: CacheSettings
  /** Cells and operations right after each eviction, to those of the full cache. */
  readonly cellRatios: readonly number[]
  readonly flopsRatios: readonly number[]
  /** Operations before the first eviction, to those of the full cache. */
  readonly flopsBefore: number
  readonly sequences: number
}

/** Of all layers: queries and outputs, keys and values, three matrices of the feed-forward part; and the output matrix. */
function elementsOf(layers: number, hidden: number, keysAndValues: number, feedForward: number, vocabulary: number) {
  return layers * (2 * hidden ** 2 + 2 * hidden * keysAndValues + 3 * hidden * feedForward) + hidden * vocabulary
}

export const publishedCosts = {
  'r1-llama': {
    figure: 5,
    shape: {
      name: 'DeepSeek-R1-Distill-Llama-8B',
      hiddenSize: 4096,
      layers: 32,
      queryHeads: 32,
      kvHeads: 8,
      headSize: 128,
      matrixElements: elementsOf(32, 4096, 1024, 14_336, 128_256),
      bitsPerWeight: 16,
    },
    settings: { budget: 5000, localWindow: 2000, ratio: 0.3 },
    cellRatios: [0.58, 0.41, 0.32, 0.26, 0.22, 0.19],
    flopsRatios: [0.87, 0.77, 0.69, 0.62, 0.57, 0.52],
    flopsBefore: 1.005,
    sequences: 20,
  },
  'r1-qwen': {
    figure: 14,
    shape: {
      name: 'DeepSeek-R1-Distill-Qwen-7B',
      hiddenSize: 3584,
      layers: 28,
      queryHeads: 28,
      kvHeads: 4,
      headSize: 128,
      matrixElements: elementsOf(28, 3584, 512, 18_944, 152_064),
      bitsPerWeight: 16,
    },
    settings: { budget: 5000, localWindow: 2000, ratio: 0.4 },
    cellRatios: [0.64, 0.47, 0.37, 0.31, 0.26, 0.23, 0.2],
    flopsRatios: [0.85, 0.74, 0.65, 0.58, 0.53, 0.48, 0.44],
    flopsBefore: 1.003,
    sequences: 20,
  },
} as const satisfies Readonly<Record<string, PublishedCosts>>

export const publishedNames = Object.keys(publishedCosts) as (keyof typeof publishedCosts)[]

/**
 * Operations for a cell that a printed ratio of operations would need: solves
 * ratio = (matrices + bounded x + predictor) / (matrices + full x) for x.
 */
export function flopsPerCellOfRatio(
  ratio: number,
  cells: { readonly full: number; readonly bounded: number },
  { matrixFlops, predictorFlops }: { readonly matrixFlops: number; readonly predictorFlops: number },
): number {
  return (matrixFlops * (1 - ratio) + predictorFlops) / (ratio * cells.full - cells.bounded)
}
