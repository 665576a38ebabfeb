/**
 * Trains a stack of dense layers with Softplus: outputs, gradients and steps of AdamW, in ggml, for any number of rows in
 * bounded memory.
 */
import { AdamW, checkSizes, readAll, writeAll, type AdamWSettings, type AdamWState, type AdamWStep } from './adamw.ts'
import { DenseGraphBuilder, rowMultiple } from './dense-graphs.ts'
import { GgmlWorkspace, type TensorSet, type TensorShape } from './ggml-workspace.ts'
import { NativeHandle } from './handle.ts'
import type { LlamaLibrary } from './library.ts'
import { checkLayers, type DenseLayer } from './matrix-graph.ts'

export interface DenseTrainerOptions {
  /** The weights to start from. Softplus follows every layer, the last included. */
  readonly layers: readonly DenseLayer[]
  /** The most rows of one graph, rounded up to a multiple of 16; default 512. Memory grows with it, results hardly change. */
  readonly blockRows?: number
  readonly gpu?: boolean
  readonly threads: number
  readonly optimizer: AdamWSettings
}

/** Everything that a resumed training needs to go on exactly. */
export interface DenseTrainerState extends AdamWState {
  readonly weights: Float32Array[]
}

/** dLoss/dOutput of a block, of the shape of its outputs; `from` is the index of its first row. */
export type OutputGradient = (outputs: Float32Array, from: number) => Float32Array

const defaultBlockRows = 512

export class DenseTrainer extends NativeHandle {
  readonly inputSize: number
  readonly outputSize: number
  readonly #workspace: GgmlWorkspace
  readonly #layers: readonly TensorShape[]
  readonly #blockRows: number
  readonly #weights: TensorSet
  readonly #gradients: TensorSet
  readonly #graphs: DenseGraphBuilder
  readonly #optimizer: AdamW
  #busy = false

  /**
   * @throws RangeError if sizes or settings make no sense
   * @throws EngineError `out_of_memory`; `not_supported` if the GPU lacks an operation
   */
  static create(library: LlamaLibrary, options: DenseTrainerOptions): DenseTrainer {
    checkLayers(options.layers)
    const { blockRows = defaultBlockRows, threads, gpu = false } = options
    if (!Number.isInteger(blockRows) || blockRows < 1) throw new RangeError(`blocks of ${blockRows} rows`)
    const contents = 'the training of the importance predictor'
    const workspace = GgmlWorkspace.open(library, { threads, gpu, contents })
    try {
      return new DenseTrainer(workspace, options, Math.ceil(blockRows / rowMultiple) * rowMultiple)
    } catch (error) {
      workspace.dispose()
      throw error
    }
  }

  private constructor(
    workspace: GgmlWorkspace,
    { layers, optimizer }: Pick<DenseTrainerOptions, 'layers' | 'optimizer'>,
    blockRows: number,
  ) {
    super(workspace.pointer)
    this.#workspace = workspace
    this.#layers = layers.map(({ rows, columns }) => ({ rows, columns }))
    this.#blockRows = blockRows
    this.inputSize = layers[0]?.columns ?? 0
    this.outputSize = layers.at(-1)?.rows ?? 0
    this.#weights = workspace.place(layers)
    this.#gradients = workspace.place(layers)
    writeAll(
      workspace,
      this.#weights.tensors,
      layers.map((layer) => layer.weights),
    )
    this.#zeroGradients()
    // First, because it marks the weights as parameters, which changes how graphs list them.
    this.#optimizer = new AdamW(workspace, this.#layers, this.#weights, this.#gradients, optimizer)
    const tensors = layers.map(({ rows, columns }, i) => {
      const [weights, gradient] = [this.#weights.tensors[i], this.#gradients.tensors[i]]
      if (weights === undefined || gradient === undefined) throw new RangeError('no tensors')
      return { rows, columns, weights, gradient }
    })
    this.#graphs = new DenseGraphBuilder(workspace, tensors, blockRows)
  }

  /**
   * @param states float16 bit patterns, rows x inputSize, row after row
   * @returns rows x outputSize values
   */
  forward(states: Uint16Array, rows: number): Float32Array {
    this.#check(states, rows)
    const outputs = new Float32Array(rows * this.outputSize)
    for (let from = 0; from < rows; from += this.#blockRows) {
      const block = this.#forwardBlock(states, from, Math.min(rows - from, this.#blockRows))
      outputs.set(block, from * this.outputSize)
    }
    return outputs
  }

  /**
   * Forward and backward, block by block: adds to the gradient of every weight.
   * @param states float16 bit patterns, rows x inputSize, row after row
   * @param gradientOf must not use the trainer. What it throws comes through; earlier blocks have then been added
   */
  accumulate(states: Uint16Array, rows: number, gradientOf: OutputGradient): void {
    this.#check(states, rows)
    for (let from = 0; from < rows; from += this.#blockRows) {
      const count = Math.min(rows - from, this.#blockRows)
      const outputs = this.#forwardBlock(states, from, count)
      const gradient = this.#alone(() => gradientOf(outputs, from))
      if (gradient.length !== outputs.length)
        throw new RangeError(`a gradient of ${gradient.length} values for ${outputs.length} outputs`)
      this.#workspace.write(this.#graphs.outputGradient, padded(gradient, this.outputSize, Float32Array))
      this.#workspace.compute(this.#graphs.graphs(paddedRows(count)).backward)
    }
  }

  /**
   * One step of AdamW on the gradients accumulated since the last, which it then zeroes. Gradients without a finite norm
   * change no weight and count as no step.
   * @returns the gradients' global norm before clipping
   */
  step(options: AdamWStep): { gradientNorm: number } {
    this.#checkUsable()
    const gradientNorm = this.#optimizer.step(options)
    this.#zeroGradients()
    return { gradientNorm }
  }

  /** Copies, one array for each layer. */
  weights(): Float32Array[] {
    this.#checkUsable()
    return readAll(this.#workspace, this.#weights.tensors, this.#layers)
  }

  /** Copies; to be taken right after a step, since accumulated gradients are not part of it. */
  state(): DenseTrainerState {
    return { weights: this.weights(), ...this.#optimizer.state() }
  }

  /** Goes on from a state; drops the gradients. @throws RangeError if it is of other layers; then nothing has changed */
  restore(state: DenseTrainerState): void {
    this.#checkUsable()
    checkSizes(state.weights, this.#layers)
    this.#optimizer.restore(state)
    writeAll(this.#workspace, this.#weights.tensors, state.weights)
    this.#zeroGradients()
  }

  protected override free(): void {
    this.#workspace.dispose()
  }

  #forwardBlock(states: Uint16Array, from: number, count: number): Float32Array {
    const block = states.subarray(from * this.inputSize, (from + count) * this.inputSize)
    this.#workspace.write(this.#graphs.input, padded(block, this.inputSize, Uint16Array))
    this.#workspace.compute(this.#graphs.graphs(paddedRows(count)).forward)
    return this.#workspace.read(this.#graphs.output, new Float32Array(count * this.outputSize))
  }

  /** Runs the caller's code, which would destroy the block's activations if it used the trainer. */
  #alone<T>(run: () => T): T {
    this.#busy = true
    try {
      return run()
    } finally {
      this.#busy = false
      this.checkNotDisposed()
    }
  }

  #zeroGradients(): void {
    this.#workspace.c.ggml_backend_buffer_clear(this.#gradients.buffer, 0)
  }

  #checkUsable(): void {
    this.checkNotDisposed()
    if (this.#busy) throw new Error('the trainer was used while it accumulates')
  }

  #check(states: Uint16Array, rows: number): void {
    this.#checkUsable()
    if (!Number.isInteger(rows) || rows < 0 || states.length !== rows * this.inputSize)
      throw new RangeError(`${states.length} values for ${rows} rows of ${this.inputSize}`)
  }
}

function paddedRows(rows: number): number {
  return Math.ceil(rows / rowMultiple) * rowMultiple
}

/** `values`, with rows of zeros behind it: a row without gradient adds nothing, and one of zeros makes nothing infinite. */
function padded<T extends Uint16Array | Float32Array>(values: T, columns: number, array: new (length: number) => T): T {
  const length = paddedRows(values.length / columns) * columns
  if (length === values.length) return values
  const result = new array(length)
  result.set(values)
  return result
}
