/** Products of many pairs of vectors, in ggml on the CPU, where a GPU would round them to fewer digits. */
import { EngineError } from '../errors.ts'
import { GgmlWorkspace } from './ggml-workspace.ts'
import type { LlamaLibrary } from './library.ts'
import type { Pointer } from './structs.ts'

/** Rows of either side that one product may have. */
export const pairTile = 256

export class PairProducts implements Disposable {
  readonly #workspace: GgmlWorkspace
  readonly #size: number
  readonly #graph: Pointer
  readonly #a: Pointer
  readonly #b: Pointer
  readonly #product: Pointer
  readonly #tile = new Float32Array(pairTile * pairTile)

  /**
   * @param size values of a vector
   * @throws EngineError `no_backend`, `out_of_memory`
   */
  constructor(library: LlamaLibrary, size: number, threads: number) {
    this.#size = size
    this.#workspace = GgmlWorkspace.open(library, { threads, contents: 'the products of keys' })
    try {
      const { c } = this.#workspace
      const shape = { rows: pairTile, columns: size }
      const [a, b] = this.#workspace.place([shape, shape]).tensors
      if (a === undefined || b === undefined)
        throw new EngineError('out_of_memory', 'the products of keys have no tensors')
      const context = this.#workspace.context(2, 4)
      this.#product = c.ggml_mul_mat(context, b, a)
      c.ggml_set_output(this.#product)
      this.#graph = c.ggml_new_graph_custom(context, 4, false)
      c.ggml_build_forward_expand(this.#graph, this.#product)
      this.#workspace.allocate(this.#workspace.allocator(), this.#graph)
      ;[this.#a, this.#b] = [a, b]
    } catch (error) {
      this.#workspace.dispose()
      throw error
    }
  }

  /**
   * The product of each row of `a` with each row of `b`, `pairTile` rows at most each.
   * @returns shape [rows of a x rows of b], valid until the next call
   */
  run(a: Float32Array, b: Float32Array): Float32Array {
    const [rows, columns] = [a.length / this.#size, b.length / this.#size]
    for (const count of [rows, columns]) {
      if (!Number.isInteger(count) || count < 1 || count > pairTile) throw new RangeError(`${count} vectors`)
    }
    this.#workspace.write(this.#a, a)
    this.#workspace.write(this.#b, b)
    this.#workspace.compute(this.#graph)
    this.#workspace.read(this.#product, this.#tile.subarray(0, rows * pairTile))
    // Beyond the given rows there is what earlier calls left.
    for (let row = 1; row < rows && columns < pairTile; row++) {
      this.#tile.copyWithin(row * columns, row * pairTile, row * pairTile + columns)
    }
    return this.#tile.subarray(0, rows * columns)
  }

  dispose(): void {
    this.#workspace.dispose()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }
}
