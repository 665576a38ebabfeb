/**
 * A stack of matrix products with an activation after each, in ggml, on the device that the model runs on. Knows nothing of
 * what the matrices mean.
 */
import koffi from 'koffi'
import { EngineError } from '../errors.ts'
import type { Bindings, Pointer } from './bindings.ts'
import { NativeHandle } from './handle.ts'
import type { LlamaLibrary } from './library.ts'

export interface DenseLayer {
  /** Output size. */
  readonly rows: number
  /** Input size. */
  readonly columns: number
  /** rows x columns, row after row. */
  readonly weights: Float32Array
}

const f32 = 0

/** More than any predictor has; graphs hold at most 2048 operations. */
export const mostLayers = 16
/** The most rows of one graph; bounds the memory of its inner layers. */
const largestBlock = 512

interface Graph {
  readonly context: Pointer
  readonly allocator: Pointer
  readonly graph: Pointer
  readonly input: Pointer
  readonly output: Pointer
}

export class MatrixGraph extends NativeHandle {
  readonly inputSize: number
  readonly outputSize: number
  readonly #c: Bindings
  readonly #backend: Pointer
  readonly #context: Pointer
  readonly #weights: Pointer[]
  /** Graphs by their number of input rows, a power of two: any number of rows is a sum of a few of them. */
  readonly #graphs = new Map<number, Graph>()

  /** Softplus follows every layer, the last included. */
  static create(
    library: LlamaLibrary,
    layers: readonly DenseLayer[],
    options: { gpu?: boolean; threads: number },
  ): MatrixGraph {
    const { c } = library
    if (layers.length === 0 || layers.length > mostLayers)
      throw new RangeError(`1 to ${mostLayers} layers, not ${layers.length}`)
    if (layers.some((layer) => layer.weights.length !== layer.rows * layer.columns)) {
      throw new RangeError('a layer has the wrong number of weights')
    }
    const deviceIndex = options.gpu ? library.devices.findIndex((device) => device.gpu) : -1
    const index = deviceIndex >= 0 ? deviceIndex : library.devices.findIndex((device) => !device.gpu)
    const device = c.ggml_backend_dev_get(Math.max(0, index))
    const backend = c.ggml_backend_dev_init(device, null)
    if (backend === null) throw new EngineError('no_backend', 'ggml has no back end to compute on')
    setThreads(c, backend, options.threads)
    const context = c.ggml_init({
      mem_size: c.ggml_tensor_overhead() * (layers.length + 1),
      mem_buffer: null,
      no_alloc: true,
    })
    const weights = layers.map((layer) => c.ggml_new_tensor_2d(context, f32, layer.columns, layer.rows))
    const buffer = c.ggml_backend_alloc_ctx_tensors(context, backend)
    if (buffer === null) {
      c.ggml_free(context)
      c.ggml_backend_free(backend)
      throw new EngineError('out_of_memory', 'the weights of the importance predictor do not fit into memory')
    }
    layers.forEach((layer, i) => {
      const tensor = weights[i]
      if (tensor !== undefined) c.ggml_backend_tensor_set(tensor, layer.weights, 0, layer.weights.byteLength)
    })
    return new MatrixGraph(c, buffer, backend, context, weights, layers)
  }

  private constructor(
    c: Bindings,
    buffer: Pointer,
    backend: Pointer,
    context: Pointer,
    weights: Pointer[],
    layers: readonly DenseLayer[],
  ) {
    super(buffer)
    this.#c = c
    this.#backend = backend
    this.#context = context
    this.#weights = weights
    this.inputSize = layers[0]?.columns ?? 0
    this.outputSize = layers.at(-1)?.rows ?? 0
  }

  /**
   * @param input count x inputSize values, row after row
   * @returns count x outputSize values
   */
  run(input: Float32Array, count: number): Float32Array {
    if (this.disposed) throw new Error('the graph was used after it was disposed')
    if (!Number.isInteger(count) || count < 1 || input.length < count * this.inputSize)
      throw new RangeError(`${input.length} values for ${count} rows`)
    const output = new Float32Array(count * this.outputSize)
    for (let from = 0; from < count;) {
      const rows = Math.min(largestBlock, 2 ** Math.floor(Math.log2(count - from)))
      this.#runBlock(input, output, from, rows)
      from += rows
    }
    return output
  }

  #runBlock(input: Float32Array, output: Float32Array, from: number, rows: number): void {
    const c = this.#c
    const graph = this.#graphs.get(rows) ?? this.#build(rows)
    const block = input.subarray(from * this.inputSize, (from + rows) * this.inputSize)
    c.ggml_backend_tensor_set(graph.input, block, 0, block.byteLength)
    const status = c.ggml_backend_graph_compute(this.#backend, graph.graph)
    if (status !== 0) throw new EngineError('compute_failed', `ggml could not compute the predictor (status ${status})`)
    const result = output.subarray(from * this.outputSize, (from + rows) * this.outputSize)
    c.ggml_backend_tensor_get(graph.output, result, 0, result.byteLength)
  }

  protected override free(buffer: Pointer): void {
    for (const { context, allocator } of this.#graphs.values()) {
      this.#c.ggml_gallocr_free(allocator)
      this.#c.ggml_free(context)
    }
    this.#graphs.clear()
    this.#c.ggml_free(this.#context)
    this.#c.ggml_backend_buffer_free(buffer)
    this.#c.ggml_backend_free(this.#backend)
  }

  #build(count: number): Graph {
    const c = this.#c
    const context = c.ggml_init({
      mem_size: c.ggml_tensor_overhead() * (2 * this.#weights.length + 2) + c.ggml_graph_overhead(),
      mem_buffer: null,
      no_alloc: true,
    })
    const input = c.ggml_new_tensor_2d(context, f32, this.inputSize, count)
    c.ggml_set_input(input)
    let output = input
    for (const weights of this.#weights) output = c.ggml_softplus(context, c.ggml_mul_mat(context, weights, output))
    c.ggml_set_output(output)
    const graph = c.ggml_new_graph(context)
    c.ggml_build_forward_expand(graph, output)
    const allocator = c.ggml_gallocr_new(c.ggml_backend_get_default_buffer_type(this.#backend))
    if (!c.ggml_gallocr_alloc_graph(allocator, graph)) {
      c.ggml_gallocr_free(allocator)
      c.ggml_free(context)
      throw new EngineError('out_of_memory', 'the importance predictor does not fit into memory')
    }
    const built = { context, allocator, graph, input, output }
    this.#graphs.set(count, built)
    return built
  }
}

function setThreads(c: Bindings, backend: Pointer, threads: number): void {
  const device = c.ggml_backend_get_device(backend)
  const registry = device === null ? null : c.ggml_backend_dev_backend_reg(device)
  const address = registry === null ? null : c.ggml_backend_reg_get_proc_address(registry, 'ggml_backend_set_n_threads')
  if (address !== null) koffi.call(address, setThreadsPrototype, backend, threads)
}
const setThreadsPrototype = koffi.proto('void dynts_set_n_threads(void *backend, int threads)')
