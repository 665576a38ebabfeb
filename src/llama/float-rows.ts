/** Rows of any ggml type as float32: converted by ggml's CPU back end, which has code for each processor. */
import { GgmlWorkspace } from './ggml-workspace.ts'
import type { LlamaLibrary } from './library.ts'
import { ggmlType, type Pointer } from './structs.ts'

/** Rows that are converted at once: they stay in the processor's cache. */
const blockRows = 512

/** For one type and width. */
interface Block {
  readonly graph: Pointer
  readonly from: Pointer
  readonly to: Pointer
}

export class FloatRows implements Disposable {
  readonly #workspace: GgmlWorkspace
  readonly #blocks = new Map<string, Block>()

  /** @throws EngineError `no_backend` */
  constructor(library: LlamaLibrary) {
    this.#workspace = GgmlWorkspace.open(library, { threads: 1, contents: 'the reading of keys' })
  }

  /**
   * @param from whole rows
   * @param width numbers of a row; of a quantised type a multiple of 32
   * @param to shape [rows x width]
   * @throws EngineError `out_of_memory`
   */
  convert(type: number, from: Uint8Array, width: number, to: Float32Array): void {
    if (type === ggmlType.f32) {
      new Uint8Array(to.buffer, to.byteOffset, to.byteLength).set(from)
      return
    }
    const block = this.#block(type, width)
    const rows = to.length / width
    const rowBytes = from.length / rows
    for (let first = 0; first < rows; first += blockRows) {
      const end = Math.min(first + blockRows, rows)
      this.#workspace.write(block.from, from.subarray(first * rowBytes, end * rowBytes))
      this.#workspace.compute(block.graph)
      this.#workspace.read(block.to, to.subarray(first * width, end * width))
    }
  }

  dispose(): void {
    this.#workspace.dispose()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  #block(type: number, width: number): Block {
    const key = [type, width].join()
    const block = this.#blocks.get(key) ?? this.#build(type, width)
    this.#blocks.set(key, block)
    return block
  }

  /** Of ggml's conversions, `ggml_get_rows` is the one that computes many numbers side by side. */
  #build(type: number, width: number): Block {
    const workspace = this.#workspace
    const { c } = workspace
    const [from, every] = workspace.place([
      { type, rows: blockRows, columns: width },
      { type: ggmlType.i32, rows: 1, columns: blockRows },
    ]).tensors as [Pointer, Pointer]
    workspace.write(
      every,
      Int32Array.from({ length: blockRows }, (_, row) => row),
    )
    const context = workspace.context(1, 2)
    const graph = c.ggml_new_graph_custom(context, 2, false)
    const to = c.ggml_get_rows(context, from, every)
    c.ggml_set_output(to)
    c.ggml_build_forward_expand(graph, to)
    workspace.allocate(workspace.allocator(), graph)
    return { graph, from, to }
  }
}
