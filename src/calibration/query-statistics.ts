/** Statistics of the queries of a model, as other programs measure them. */

/** Of one query head before its rotation, by frequency. Shape [pairs] each. */
export interface HeadStatistics {
  readonly real: Float32Array
  readonly imaginary: Float32Array
  /** Mean length. */
  readonly length: Float32Array
}

export interface QueryStatistics {
  /** Of some heads only: the model may have more layers and heads than those that are known. */
  readonly isSample: boolean
  readonly layers: number
  /** Query heads of a layer. */
  readonly heads: number
  readonly headSize: number
  readonly pairs: number
  /** Undefined: not measured. */
  readonly of: (layer: number, head: number) => HeadStatistics | undefined
}

/** Stops the reading of a file. */
export type Fail = (problem: string) => never
