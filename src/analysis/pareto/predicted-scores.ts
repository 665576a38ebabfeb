/** The predictor's scores of a trace's thinking, from the hidden states that were stored with its importance. */
import { InputError } from '../../errors.ts'
import { float16Values } from '../../float16.ts'
import { MatrixGraph, type LlamaLibrary } from '../../llama/index.ts'
import { scoringBlockLength, type PredictorCheckpoint } from '../../predictor/index.ts'
import type { ImportanceRecord } from '../../traces/importance-record.ts'
import type { ImportanceStore } from '../../traces/importance-store.ts'

export class ThinkingScorer implements Disposable {
  readonly #graph: MatrixGraph

  constructor(library: LlamaLibrary, checkpoint: PredictorCheckpoint, threads: number) {
    this.#graph = MatrixGraph.create(library, checkpoint.matrices, { gpu: library.backend !== 'cpu', threads })
  }

  /**
   * @returns shape [thinking]
   * @throws InputError `no_states` unless the states of all thinking tokens are stored
   */
  scores(store: ImportanceStore, record: ImportanceRecord): Float32Array {
    const { id, thinkingTokens, storedTokens } = record
    if (storedTokens < thinkingTokens) {
      throw new InputError(
        'no_states',
        `${store.folder} has the states of ${storedTokens} of the ${thinkingTokens} thinking tokens of trace ${id}: the predictor needs all`,
      )
    }
    const { states } = store.read(record)
    const d = store.manifest.model.hiddenSize
    const rows = scoringBlockLength(d)
    const scores = new Float32Array(thinkingTokens)
    const values = float16Values()
    for (let from = 0; from < thinkingTokens; from += rows) {
      const count = Math.min(rows, thinkingTokens - from)
      const block = Float32Array.from(states.subarray(from * d, (from + count) * d), (bits) => values[bits] ?? NaN)
      scores.set(this.#graph.run(block, count), from)
    }
    return scores
  }

  [Symbol.dispose](): void {
    this.#graph.dispose()
  }
}
