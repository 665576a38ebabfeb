/** Products of many pairs of vectors, in ggml on the CPU, where a GPU would round them to fewer digits. */
import { EngineError } from '../errors.ts'
import { GgmlWorkspace } from './ggml-workspace.ts'
import type { LlamaLibrary } from './library.ts'
import type { Pointer } from './structs.ts'

/** Vectors of a head that `a` may have. */
export const mostVectors = 256
/** Fewer are multiplied by one thread: they take less time than threads need to meet, and far less where cores are busy. */
const forThreads = 33
/** Rows of `b` that are multiplied at once: they and their products stay in the processor's cache. Of few rows fewer. */
const blockRows = { many: 512, few: 64 }

export interface PairShape {
  /** Numbers of a vector. Default: those of a key of one head. */
  readonly size?: number
  /** Default 1. */
  readonly heads?: number
}

/** For one shape. */
interface Block {
  readonly workspace: GgmlWorkspace
  readonly rows: number
  readonly graph: Pointer
  readonly a: Pointer
  readonly b: Pointer
  /** By head, shape [vectors x rows]. */
  readonly products: readonly Pointer[]
}

export class PairProducts implements Disposable {
  readonly #size: number
  readonly #one: GgmlWorkspace
  readonly #many: GgmlWorkspace
  /** By rows, size, heads and vectors; of the latter there are few numbers, see `roundUp`. */
  readonly #blocks = new Map<string, Block>()
  #result = new Float32Array(0)

  /**
   * @param size numbers of a vector, if a call does not say otherwise
   * @param threads of products of many vectors
   * @throws EngineError `no_backend`
   */
  constructor(library: LlamaLibrary, size: number, threads: number) {
    this.#size = size
    const contents = 'the products of keys'
    this.#one = GgmlWorkspace.open(library, { threads: 1, contents })
    this.#many = GgmlWorkspace.open(library, { threads, contents })
  }

  /**
   * For each head the product of each of its vectors in `a` with its part of each row of `b`.
   * @param a shape [heads x vectors x size]; 256 vectors at most
   * @param b shape [rows x heads x size], as a layer of the cache is
   * @returns shape [heads x vectors x rows], valid until the next call
   * @throws RangeError for arrays of other lengths
   * @throws EngineError `out_of_memory`
   */
  run(a: Float32Array, b: Float32Array, { size = this.#size, heads = 1 }: PairShape = {}): Float32Array {
    const width = size * heads
    const [vectors, rows] = [a.length / width, b.length / width]
    checkCounts(vectors, rows, size, heads)
    if (vectors > mostVectors) throw new RangeError(`${vectors} vectors`)
    const room = roundUp(vectors)
    const spaced = spread(a, vectors * size, room * size)
    const length = heads * vectors * rows
    if (this.#result.length < length) this.#result = new Float32Array(length)
    const products = new Float32Array(vectors * rowsOfBlock(rows))
    let block: Block | undefined
    for (let first = 0; first < rows;) {
      const next = this.#block(size, heads, room, rows - first)
      const { workspace } = next
      if (next !== block) workspace.write(next.a, spaced)
      block = next
      const count = Math.min(block.rows, rows - first)
      workspace.write(block.b, b.subarray(first * width, (first + count) * width))
      workspace.compute(block.graph)
      for (const [head, product] of block.products.entries()) {
        workspace.read(product, products.subarray(0, vectors * block.rows))
        for (let i = 0; i < vectors; i++) {
          const from = products.subarray(i * block.rows, i * block.rows + count)
          this.#result.set(from, (head * vectors + i) * rows + first)
        }
      }
      first += count
    }
    return this.#result.subarray(0, length)
  }

  dispose(): void {
    this.#one.dispose()
    this.#many.dispose()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  /** @param left how many rows are still to be multiplied */
  #block(size: number, heads: number, vectors: number, left: number): Block {
    const rows = rowsOfBlock(left)
    const key = [rows, size, heads, vectors].join()
    const block = this.#blocks.get(key) ?? this.#build(size, heads, vectors, rows)
    this.#blocks.set(key, block)
    return block
  }

  #build(size: number, heads: number, vectors: number, rows: number): Block {
    const workspace = vectors < forThreads ? this.#one : this.#many
    const { c } = workspace
    const width = size * heads
    const [a, b] = workspace.place([
      { rows: heads * vectors, columns: size },
      { rows, columns: width },
    ]).tensors
    if (a === undefined || b === undefined)
      throw new EngineError('out_of_memory', 'the products of keys have no tensors')
    const operations = 3 * heads
    const context = workspace.context(operations, 2 * operations)
    const graph = c.ggml_new_graph_custom(context, 2 * operations, false)
    const products = Array.from({ length: heads }, (_, head) => {
      const some = c.ggml_view_2d(context, a, size, vectors, size * 4, head * vectors * size * 4)
      const part = c.ggml_view_2d(context, b, size, rows, width * 4, head * size * 4)
      const product = c.ggml_mul_mat(context, part, some)
      c.ggml_set_output(product)
      c.ggml_build_forward_expand(graph, product)
      return product
    })
    workspace.allocate(workspace.allocator(), graph)
    return { workspace, rows, graph, a, b, products }
  }
}

/** @param left how many rows are still to be multiplied */
function rowsOfBlock(left: number): number {
  return left > 4 * blockRows.few ? blockRows.many : blockRows.few
}

/** @throws RangeError */
export function checkCounts(...counts: readonly number[]): void {
  for (const count of counts) if (!Number.isInteger(count) || count < 1) throw new RangeError(`${count} vectors`)
}

/** A multiple of 4 up to 32, a power of two beyond. */
function roundUp(vectors: number): number {
  return vectors <= 32 ? 4 * Math.ceil(vectors / 4) : 2 ** Math.ceil(Math.log2(vectors))
}

/** Parts of `length` numbers, each at the beginning of `room`. */
function spread(values: Float32Array, length: number, room: number): Float32Array {
  if (length === room) return values
  const parts = values.length / length
  const spaced = new Float32Array(parts * room)
  for (let i = 0; i < parts; i++) spaced.set(values.subarray(i * length, (i + 1) * length), i * room)
  return spaced
}
