/**
 * The importance predictor: an MLP on the last hidden state (arXiv 2601.18383, section 4.1), computed in ggml on the device
 * that the model runs on.
 */
import { MatrixGraph, type LlamaModel } from '../llama/index.ts'
import { predictorShape, type PredictorCheckpoint } from './checkpoint.ts'

export class ImportancePredictor implements Disposable {
  readonly checkpoint: PredictorCheckpoint
  readonly hiddenSize: number
  readonly #graph: MatrixGraph

  constructor(model: LlamaModel, checkpoint: PredictorCheckpoint, threads: number) {
    this.checkpoint = checkpoint
    this.hiddenSize = predictorShape(checkpoint)[0] ?? 0
    this.#graph = MatrixGraph.create(model.library, checkpoint.matrices, { gpu: model.usesGpu, threads })
  }

  /**
   * Scores of `count` tokens; higher means more important. On the scale of the checkpoint's target.
   * @param hiddenStates count x d values, row after row
   */
  scores(hiddenStates: Float32Array, count: number): Float32Array {
    return this.#graph.run(hiddenStates, count)
  }

  dispose(): void {
    this.#graph.dispose()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }
}
