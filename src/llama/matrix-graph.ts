/** A stack of matrix products with an activation after each, in ggml, on the device that the model runs on. */
import { GgmlWorkspace } from './ggml-workspace.ts'
import { NativeHandle } from './handle.ts'
import type { LlamaLibrary } from './library.ts'
import { ggmlType, type Pointer } from './structs.ts'

export interface DenseLayer {
  /** Output size. */
  readonly rows: number
  /** Input size. */
  readonly columns: number
  /** rows x columns, row after row. */
  readonly weights: Float32Array
}

/** More than any predictor has; graphs are given room for as many. */
export const mostLayers = 16
/** The most rows of one graph; bounds the memory of its inner layers. */
const largestBlock = 512

interface Graph {
  readonly graph: Pointer
  readonly input: Pointer
  readonly output: Pointer
}

export class MatrixGraph extends NativeHandle {
  readonly inputSize: number
  readonly outputSize: number
  readonly #workspace: GgmlWorkspace
  readonly #weights: readonly Pointer[]
  /** Graphs by their number of input rows, a power of two: any number of rows is a sum of a few of them. */
  readonly #graphs = new Map<number, Graph>()

  /** Softplus follows every layer, the last included. */
  static create(
    library: LlamaLibrary,
    layers: readonly DenseLayer[],
    options: { gpu?: boolean; threads: number },
  ): MatrixGraph {
    checkLayers(layers)
    const workspace = GgmlWorkspace.open(library, { ...options, contents: 'the importance predictor' })
    try {
      const { tensors } = workspace.place(layers)
      for (const [i, tensor] of tensors.entries()) {
        const layer = layers[i]
        if (layer) workspace.write(tensor, layer.weights)
      }
      return new MatrixGraph(workspace, tensors, layers)
    } catch (error) {
      workspace.dispose()
      throw error
    }
  }

  private constructor(workspace: GgmlWorkspace, weights: readonly Pointer[], layers: readonly DenseLayer[]) {
    super(workspace.pointer)
    this.#workspace = workspace
    this.#weights = weights
    this.inputSize = layers[0]?.columns ?? 0
    this.outputSize = layers.at(-1)?.rows ?? 0
  }

  /**
   * @param input count x inputSize values, row after row
   * @returns count x outputSize values
   */
  run(input: Float32Array, count: number): Float32Array {
    this.checkNotDisposed()
    if (!Number.isInteger(count) || count < 1 || input.length < count * this.inputSize)
      throw new RangeError(`${input.length} values for ${count} rows`)
    const output = new Float32Array(count * this.outputSize)
    for (let from = 0; from < count;) {
      const rows = Math.min(largestBlock, 2 ** Math.floor(Math.log2(count - from)))
      const graph = this.#graphs.get(rows) ?? this.#build(rows)
      this.#workspace.write(graph.input, input.subarray(from * this.inputSize, (from + rows) * this.inputSize))
      this.#workspace.compute(graph.graph)
      this.#workspace.read(graph.output, output.subarray(from * this.outputSize, (from + rows) * this.outputSize))
      from += rows
    }
    return output
  }

  protected override free(): void {
    this.#workspace.dispose()
  }

  #build(count: number): Graph {
    const workspace = this.#workspace
    const { c } = workspace
    const operations = 2 * this.#weights.length
    const context = workspace.context(operations + 1, 2 * operations)
    const input = c.ggml_new_tensor_2d(context, ggmlType.f32, this.inputSize, count)
    c.ggml_set_input(input)
    let output = input
    for (const weights of this.#weights) output = c.ggml_softplus(context, c.ggml_mul_mat(context, weights, output))
    c.ggml_set_output(output)
    const graph = c.ggml_new_graph_custom(context, 2 * operations, false)
    c.ggml_build_forward_expand(graph, output)
    workspace.allocate(workspace.allocator(), graph)
    const built = { graph, input, output }
    this.#graphs.set(count, built)
    return built
  }
}

/** @throws RangeError unless each layer's input is the output of the one before it and has all its weights */
export function checkLayers(layers: readonly DenseLayer[]): void {
  if (layers.length === 0 || layers.length > mostLayers)
    throw new RangeError(`1 to ${mostLayers} layers, not ${layers.length}`)
  for (const [i, { rows, columns, weights }] of layers.entries()) {
    if (![rows, columns].every((size) => Number.isInteger(size) && size > 0))
      throw new RangeError(`layer ${i + 1} is ${rows} x ${columns}`)
    if (weights.length !== rows * columns) throw new RangeError(`layer ${i + 1} has the wrong number of weights`)
    if (i > 0 && layers[i - 1]?.rows !== columns)
      throw new RangeError(`layer ${i + 1} does not take what the layer before it gives`)
  }
}
