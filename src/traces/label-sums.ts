/** Sums up the attention of a trace's queries, and makes each token's label of it. Numbers only, no llama.cpp. */
import { labelParts, type Label } from '../predictor/label.ts'
import { meanOf } from '../predictor/target.ts'
import type { KeptTrace } from './trace-record.ts'

/** Attention of consecutive queries of one trace. */
export interface QueryRows {
  /** Position of the first query. */
  readonly first: number
  readonly queries: number
  readonly width: number
  /** queries x width; columns are cells. */
  readonly weights: Float32Array
  /** Position of each cell, negative for an empty one. */
  readonly positions: Int32Array
}

export type LabelPhases = Pick<KeptTrace, 'thinkStart' | 'thinkEnd' | 'answerStart'> & {
  /** Of the whole trace. */
  readonly length: number
}

export class LabelSums {
  readonly #phases: LabelPhases
  readonly #parts: ReturnType<typeof labelParts>
  /** By position, of those before `thinkEnd`. */
  readonly #answer: Float64Array
  readonly #later: Float64Array

  constructor(label: Label, phases: LabelPhases) {
    this.#phases = phases
    this.#parts = labelParts(label)
    this.#answer = new Float64Array(phases.thinkEnd)
    this.#later = new Float64Array(phases.thinkEnd)
  }

  /** Rows of thinking, tags or answer, all of the same phase; of the answer in any case, of the others if `later` counts. */
  add({ first, queries, width, weights, positions }: QueryRows): void {
    const { answerStart, thinkEnd } = this.#phases
    const { later, window } = this.#parts
    const isAnswer = first >= answerStart
    for (let cell = 0; cell < width; cell++) {
      const position = positions[cell] ?? -1
      if (position < 0 || position >= thinkEnd) continue
      // Queries before this one are too near.
      const far = later ? Math.max(0, position + window - first) : queries
      let near = 0
      let distant = 0
      for (let query = 0; query < queries; query++) {
        const weight = weights[query * width + cell] ?? 0
        if (query < far) near += weight
        else distant += weight
      }
      if (isAnswer) this.#answer[position] = (this.#answer[position] ?? 0) + (near + distant)
      this.#later[position] = (this.#later[position] ?? 0) + distant
    }
  }

  /**
   * The label of each position before `thinkEnd`. A token that nothing comes after, far enough away, has the answer's attention as its
   * `later`. Both parts of `mix` are on the scale of the answer's attention.
   */
  values(): Float32Array {
    const { thinkStart, thinkEnd, answerStart, length } = this.#phases
    const { answer, later, window } = this.#parts
    const ofAnswer = this.#answer.map((sum) => sum / (length - answerStart))
    if (!later) return Float32Array.from(ofAnswer)
    const ofLater = this.#later.map((sum, position) => {
      const queries = length - Math.max(thinkStart, position + window)
      return queries > 0 ? sum / queries : (ofAnswer[position] ?? NaN)
    })
    if (!answer) return Float32Array.from(ofLater)
    const scale = meanOf(ofAnswer.subarray(thinkStart, thinkEnd)) / meanOf(ofLater.subarray(thinkStart, thinkEnd))
    // A trace whose thinking nothing looks at has no scale.
    return Float32Array.from(
      ofAnswer,
      (value, i) => (value + (ofLater[i] ?? NaN) * (Number.isFinite(scale) ? scale : 0)) / 2,
    )
  }
}
