/**
 * The forward and backward graphs of a stack of dense layers with Softplus, as ggml operations, for any number of rows up to a
 * block.
 *
 * ggml multiplies fast only where both factors hold the summed index in their rows, so the gradient of a layer's weights,
 * dW = dZ X^T, needs dZ and X transposed. Each is transposed once at most: the product that carries the gradient to the layer
 * before is taken in the order that gives it transposed already. (ggml's own gradient, `out_prod`, needs no transposed copies;
 * measured on AVX2 it runs at two thirds of the speed of `mul_mat`.)
 */
import type { GgmlWorkspace } from './ggml-workspace.ts'
import { ggmlType, type Pointer } from './structs.ts'

export interface LayerTensors {
  /** Output and input size. */
  readonly rows: number
  readonly columns: number
  /** rows x columns each. */
  readonly weights: Pointer
  readonly gradient: Pointer
}

/** The two graphs of one number of rows. */
export interface DenseGraphs {
  /** `input` to `output`. */
  readonly forward: Pointer
  /** Adds to the layers' gradients, from `outputGradient` and what the forward graph of as many rows left. */
  readonly backward: Pointer
}

/** Numbers of rows are multiples of this: ggml's fast products on the CPU want the summed dimension so (16 with AVX-512). */
export const rowMultiple = 16

/** More than the operations and tensors of one layer in either graph. */
const operationsPerLayer = 24

export class DenseGraphBuilder {
  /** Float16, blockRows x the first layer's columns. */
  readonly input: Pointer
  /** blockRows x the last layer's rows. */
  readonly output: Pointer
  /** As `output`: to be written between the two graphs. */
  readonly outputGradient: Pointer
  readonly #workspace: GgmlWorkspace
  readonly #layers: readonly LayerTensors[]
  /** Each layer's output, blockRows x rows; kept between the two graphs. */
  readonly #activations: readonly Pointer[]
  readonly #forwardAllocator: Pointer
  readonly #backwardAllocator: Pointer
  readonly #graphs = new Map<number, DenseGraphs>()

  /** @param blockRows the most rows of a graph, a multiple of `rowMultiple` */
  constructor(workspace: GgmlWorkspace, layers: readonly LayerTensors[], blockRows: number) {
    const [first, last] = [layers[0], layers.at(-1)]
    if (!first || !last) throw new RangeError('no layers')
    this.#workspace = workspace
    this.#layers = layers
    const [input, outputGradient, ...activations] = workspace.place([
      { type: ggmlType.f16, rows: blockRows, columns: first.columns },
      { rows: blockRows, columns: last.rows },
      ...layers.map((layer) => ({ rows: blockRows, columns: layer.rows })),
    ]).tensors
    const output = activations.at(-1)
    if (input === undefined || outputGradient === undefined || output === undefined) throw new RangeError('no tensors')
    this.input = input
    this.output = output
    this.outputGradient = outputGradient
    this.#activations = activations
    this.#forwardAllocator = workspace.allocator()
    this.#backwardAllocator = workspace.allocator()
    // The largest first: its memory then serves all.
    const { forward, backward } = this.graphs(blockRows)
    workspace.checkSupport(forward)
    workspace.checkSupport(backward)
  }

  /** @param rows a multiple of `rowMultiple`, at most a block */
  graphs(rows: number): DenseGraphs {
    const known = this.#graphs.get(rows)
    if (known) return known
    const graphs = { forward: this.#forward(rows), backward: this.#backward(rows) }
    this.#graphs.set(rows, graphs)
    return graphs
  }

  #forward(rows: number): Pointer {
    const { c } = this.#workspace
    const { context, graph } = this.#begin()
    let x = c.ggml_cast(context, this.#inputView(context, rows), ggmlType.f32)
    for (const [i, { weights }] of this.#layers.entries()) {
      const a = c.ggml_softplus(context, c.ggml_mul_mat(context, weights, x))
      x = c.ggml_cpy(context, a, this.#activation(context, i, rows))
    }
    c.ggml_build_forward_expand(graph, x)
    this.#workspace.allocate(this.#forwardAllocator, graph)
    return graph
  }

  #backward(rows: number): Pointer {
    const { c } = this.#workspace
    const { context, graph } = this.#begin()
    const transposed = (tensor: Pointer) => c.ggml_cont(context, c.ggml_transpose(context, tensor))
    const last = this.#layers.length - 1
    const outputGradient = this.#view(context, this.outputGradient, this.#layers[last]?.rows ?? 0, rows)
    // dZ: columns are the layer's outputs; dZt, transposed: columns are the rows of the block.
    let dZ = c.ggml_mul(context, outputGradient, this.#slope(context, this.#activation(context, last, rows)))
    let dZt = transposed(dZ)
    for (let i = last; i >= 0; i--) {
      const layer = this.#layers[i]
      if (!layer) break
      const xt =
        i === 0
          ? c.ggml_cast(context, c.ggml_transpose(context, this.#inputView(context, rows)), ggmlType.f32)
          : transposed(this.#activation(context, i - 1, rows))
      const dW = c.ggml_mul_mat(context, xt, dZt)
      c.ggml_build_forward_expand(graph, c.ggml_add_inplace(context, layer.gradient, dW))
      if (i === 0) break
      const dXt = c.ggml_mul_mat(context, dZ, transposed(layer.weights))
      dZt = c.ggml_mul(context, dXt, this.#slope(context, xt))
      if (i > 1) dZ = transposed(dZt)
    }
    this.#workspace.allocate(this.#backwardAllocator, graph)
    return graph
  }

  /**
   * Softplus's derivative, the logistic function of its input, from its output a: 1 - exp(-a). ggml's Softplus is
   * log(1 + exp(z)) in float32, so below z = -16 both are 0.
   */
  #slope(context: Pointer, a: Pointer): Pointer {
    const { c } = this.#workspace
    return c.ggml_scale(context, c.ggml_expm1(context, c.ggml_scale(context, a, -1)), -1)
  }

  #begin(): { context: Pointer; graph: Pointer } {
    const operations = operationsPerLayer * (this.#layers.length + 1)
    const context = this.#workspace.context(operations, operations)
    return { context, graph: this.#workspace.c.ggml_new_graph_custom(context, operations, false) }
  }

  #inputView(context: Pointer, rows: number): Pointer {
    return this.#view(context, this.input, this.#layers[0]?.columns ?? 0, rows, 2)
  }

  #activation(context: Pointer, i: number, rows: number): Pointer {
    const [tensor, layer] = [this.#activations[i], this.#layers[i]]
    if (tensor === undefined || layer === undefined) throw new RangeError(`no layer ${i}`)
    return this.#view(context, tensor, layer.rows, rows)
  }

  /** The first rows of a tensor. */
  #view(context: Pointer, tensor: Pointer, columns: number, rows: number, valueBytes = 4): Pointer {
    return this.#workspace.c.ggml_view_2d(context, tensor, columns, rows, columns * valueBytes, 0)
  }
}
