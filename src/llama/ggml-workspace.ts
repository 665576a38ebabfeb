/** A ggml back end with the tensors and graphs that live on it, freed together. */
import koffi from 'koffi'
import { EngineError } from '../errors.ts'
import type { Bindings } from './bindings.ts'
import { NativeHandle } from './handle.ts'
import type { LlamaLibrary } from './library.ts'
import { ggmlType, type Pointer } from './structs.ts'

export interface WorkspaceOptions {
  /** Compute on the first GPU, if there is one. */
  readonly gpu?: boolean
  /** Compute threads of the CPU. */
  readonly threads: number
  /** What does not fit when memory runs out, for the message. */
  readonly contents: string
}

/** Tensors that stay, all in one buffer of their own. */
export interface TensorSet {
  readonly tensors: readonly Pointer[]
  readonly buffer: Pointer
}

export interface TensorShape {
  /** Default: float32. */
  readonly type?: number
  /** ne[1]. */
  readonly rows: number
  /** ne[0]: the values of a row are neighbours. */
  readonly columns: number
}

export class GgmlWorkspace extends NativeHandle {
  readonly c: Bindings
  readonly #contents: string
  /** Frees everything but the back end, in reverse order. */
  readonly #cleanups: (() => void)[] = []

  /** @throws EngineError `no_backend` */
  static open({ c, devices }: LlamaLibrary, options: WorkspaceOptions): GgmlWorkspace {
    if (!Number.isInteger(options.threads) || options.threads < 1)
      throw new RangeError(`${options.threads} compute threads`)
    const gpu = options.gpu ? devices.find(({ kind }) => kind === 'gpu') : undefined
    const device = gpu ?? devices.find(({ kind }) => kind === 'cpu')
    const backend = device ? c.ggml_backend_dev_init(c.ggml_backend_dev_get(device.index), null) : null
    if (backend === null) throw new EngineError('no_backend', 'ggml has no back end to compute on')
    setThreads(c, backend, options.threads)
    return new GgmlWorkspace(c, backend, options.contents)
  }

  private constructor(c: Bindings, backend: Pointer, contents: string) {
    super(backend)
    this.c = c
    this.#contents = contents
  }

  /**
   * A context for the descriptions of `tensors` tensors and, if `graphSize` is given, of one graph with as many operations;
   * their memory comes from `place` or an allocator. More of either than announced aborts the process.
   */
  context(tensors: number, graphSize = 0): Pointer {
    this.checkNotDisposed()
    const graph = graphSize > 0 ? this.c.ggml_graph_overhead_custom(graphSize, false) : 0
    const context = this.c.ggml_init({
      mem_size: this.c.ggml_tensor_overhead() * (tensors + 1) + graph,
      mem_buffer: null,
      no_alloc: true,
    })
    this.#cleanups.push(() => {
      this.c.ggml_free(context)
    })
    return context
  }

  /** New tensors in a buffer of their own, their values undefined. @throws EngineError `out_of_memory` */
  place(shapes: readonly TensorShape[]): TensorSet {
    const context = this.context(shapes.length)
    const tensors = shapes.map(({ type = ggmlType.f32, rows, columns }) =>
      this.c.ggml_new_tensor_2d(context, type, columns, rows),
    )
    const buffer = this.c.ggml_backend_alloc_ctx_tensors(context, this.pointer)
    if (buffer === null) throw this.#outOfMemory()
    this.#cleanups.push(() => {
      this.c.ggml_backend_buffer_free(buffer)
    })
    return { tensors, buffer }
  }

  /** Memory for what graphs compute on the way. Graphs of one allocator overwrite each other's. */
  allocator(): Pointer {
    this.checkNotDisposed()
    const allocator = this.c.ggml_gallocr_new(this.c.ggml_backend_get_default_buffer_type(this.pointer))
    this.#cleanups.push(() => {
      this.c.ggml_gallocr_free(allocator)
    })
    return allocator
  }

  /**
   * Gives a graph its memory. An allocator may serve several graphs only if they have the same operations in the same order
   * and the first is the largest: then its plan holds for all of them, and its buffer never moves.
   * @throws EngineError `out_of_memory`
   */
  allocate(allocator: Pointer, graph: Pointer): void {
    if (!this.c.ggml_gallocr_alloc_graph(allocator, graph)) throw this.#outOfMemory()
  }

  /** For graphs of rare operations: C aborts when it computes one that the back end lacks. @throws EngineError `not_supported` */
  checkSupport(graph: Pointer): void {
    for (let i = 0; i < this.c.ggml_graph_n_nodes(graph); i++) {
      if (!this.c.ggml_backend_supports_op(this.pointer, this.c.ggml_graph_node(graph, i)))
        throw new EngineError('not_supported', 'this GPU lacks an operation that is needed here: use `gpu: off`')
    }
  }

  /** @throws EngineError `compute_failed` */
  compute(graph: Pointer): void {
    const status = this.c.ggml_backend_graph_compute(this.pointer, graph)
    if (status !== 0) throw new EngineError('compute_failed', `ggml could not compute a graph (status ${status})`)
  }

  /** Writes the first bytes of a tensor that has memory. */
  write(tensor: Pointer, values: ArrayBufferView): void {
    this.#check(tensor, values)
    if (values.byteLength > 0) this.c.ggml_backend_tensor_set(tensor, values, 0, values.byteLength)
  }

  /** Reads values of a tensor, from the one at `start` on, into `values`, and returns them. */
  read(tensor: Pointer, values: Float32Array, start = 0): Float32Array {
    const offset = start * values.BYTES_PER_ELEMENT
    this.#check(tensor, values, offset)
    if (values.length > 0) this.c.ggml_backend_tensor_get(tensor, values, offset, values.byteLength)
    return values
  }

  protected override free(backend: Pointer): void {
    for (const cleanup of this.#cleanups.reverse()) cleanup()
    this.c.ggml_backend_free(backend)
  }

  #check(tensor: Pointer, values: ArrayBufferView, offset = 0): void {
    this.checkNotDisposed()
    const bytes = this.c.ggml_nbytes(tensor)
    if (offset < 0 || offset + values.byteLength > bytes)
      throw new RangeError(`${values.byteLength} bytes for a tensor of ${bytes}`)
  }

  #outOfMemory(): EngineError {
    return new EngineError('out_of_memory', `${this.#contents} does not fit into memory`)
  }
}

function setThreads(c: Bindings, backend: Pointer, threads: number): void {
  const device = c.ggml_backend_get_device(backend)
  const registry = device === null ? null : c.ggml_backend_dev_backend_reg(device)
  const address = registry === null ? null : c.ggml_backend_reg_get_proc_address(registry, 'ggml_backend_set_n_threads')
  if (address !== null) koffi.call(address, setThreadsPrototype, backend, threads)
}
const setThreadsPrototype = koffi.proto('void dynts_set_n_threads(void *backend, int threads)')
