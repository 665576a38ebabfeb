/** Lengths of vectors and the sum of their directions, in ggml on the CPU. */
import { GgmlWorkspace } from './ggml-workspace.ts'
import type { LlamaLibrary } from './library.ts'
import { checkCounts, type PairShape } from './pair-products.ts'
import type { Pointer } from './structs.ts'

/** Rows that are computed at once: they stay in the processor's cache. */
const blockRows = 512

export interface VectorDirections {
  /** Shape [heads x rows]. */
  readonly lengths: Float32Array
  /** Sum over all rows of the vectors divided by their lengths; those of zeros count nothing. Shape [heads x size]. */
  readonly sum: Float32Array
}

/** For one shape. */
interface Block {
  readonly rows: Pointer
  readonly squares: Pointer
  readonly squaresGraph: Pointer
  readonly scales: Pointer
  /** By head. */
  readonly sums: readonly Pointer[]
  readonly sumsGraph: Pointer
}

export class KeyDirections implements Disposable {
  readonly #workspace: GgmlWorkspace
  readonly #blocks = new Map<string, Block>()

  /** @throws EngineError `no_backend` */
  constructor(library: LlamaLibrary) {
    this.#workspace = GgmlWorkspace.open(library, { threads: 1, contents: 'the directions of keys' })
  }

  /**
   * @param b shape [rows x heads x size], as a layer of the cache is
   * @throws RangeError for an array of another length; EngineError `out_of_memory`
   */
  run(b: Float32Array, { size, heads = 1 }: PairShape & { readonly size: number }): VectorDirections {
    const width = size * heads
    const rows = b.length / width
    checkCounts(rows, size, heads)
    const block = this.#block(size, heads)
    const lengths = new Float32Array(heads * rows)
    const sum = new Float64Array(width)
    const scales = new Float32Array(heads * blockRows)
    const part = new Float32Array(size)
    for (let first = 0; first < rows; first += blockRows) {
      const count = Math.min(blockRows, rows - first)
      this.#workspace.write(block.rows, filled(b.subarray(first * width, (first + count) * width), blockRows * width))
      this.#workspace.compute(block.squaresGraph)
      this.#workspace.read(block.squares, scales)
      for (let i = 0; i < heads * count; i++) {
        const length = Math.sqrt(scales[i] as number)
        lengths[(i % heads) * rows + first + Math.floor(i / heads)] = length
        scales[i] = length > 0 ? 1 / length : 0
      }
      this.#workspace.write(block.scales, scales)
      this.#workspace.compute(block.sumsGraph)
      for (const [head, tensor] of block.sums.entries()) {
        this.#workspace.read(tensor, part)
        for (let i = 0; i < size; i++) sum[head * size + i] = (sum[head * size + i] as number) + (part[i] as number)
      }
    }
    return { lengths, sum: Float32Array.from(sum) }
  }

  dispose(): void {
    this.#workspace.dispose()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  #block(size: number, heads: number): Block {
    const key = [size, heads].join()
    const block = this.#blocks.get(key) ?? this.#build(size, heads)
    this.#blocks.set(key, block)
    return block
  }

  #build(size: number, heads: number): Block {
    const workspace = this.#workspace
    const { c } = workspace
    const width = size * heads
    const [rows, scales, ones] = workspace.place([
      { rows: blockRows, columns: width },
      { rows: blockRows, columns: heads },
      { rows: 1, columns: size },
    ]).tensors as [Pointer, Pointer, Pointer]
    workspace.write(ones, new Float32Array(size).fill(1))
    const operations = 3 * heads
    const context = workspace.context(3 + operations)
    const vectors = c.ggml_view_2d(context, c.ggml_sqr(context, rows), size, heads * blockRows, size * 4, 0)
    const squares = c.ggml_mul_mat(context, vectors, ones)
    const sums = Array.from({ length: heads }, (_, head) => {
      const ofHead = c.ggml_view_2d(context, rows, size, blockRows, width * 4, head * size * 4)
      const scale = c.ggml_view_2d(context, scales, 1, blockRows, heads * 4, head * 4)
      return c.ggml_out_prod(context, ofHead, scale)
    })
    return {
      rows,
      squares,
      squaresGraph: this.#graph([squares], 3),
      scales,
      sums,
      sumsGraph: this.#graph(sums, operations),
    }
  }

  #graph(results: readonly Pointer[], operations: number): Pointer {
    const workspace = this.#workspace
    const { c } = workspace
    const graph = c.ggml_new_graph_custom(workspace.context(0, 2 * operations), 2 * operations, false)
    for (const result of results) {
      c.ggml_set_output(result)
      c.ggml_build_forward_expand(graph, result)
    }
    workspace.allocate(workspace.allocator(), graph)
    return graph
  }
}

/** So many numbers, zeros behind those that are given. */
function filled(values: Float32Array, length: number): Float32Array {
  if (values.length === length) return values
  const all = new Float32Array(length)
  all.set(values)
  return all
}
