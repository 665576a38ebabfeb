/**
 * How fast this machine multiplies float32 matrices in ggml: what the rate of a training is to be compared with.
 */
import { GgmlWorkspace } from './ggml-workspace.ts'
import type { LlamaLibrary } from './library.ts'

/**
 * The mean rate of square float32 products, with the same back end and threads as a training.
 * @param options.size rows and columns of the factors; default 512, on a GPU 4096
 * @param options.seconds for how long to measure; default 0.5
 * @returns floating-point operations per second, a multiplication and an addition counting as two
 */
export function measureMatrixProduct(
  library: LlamaLibrary,
  options: { gpu?: boolean; threads: number; size?: number; seconds?: number },
): { flopsPerSecond: number } {
  const { gpu = false, threads, size = gpu ? 4096 : 512, seconds = 0.5 } = options
  if (!Number.isInteger(size) || size < 1) throw new RangeError(`matrices of ${size} rows`)
  if (!(seconds >= 0 && seconds < Infinity)) throw new RangeError(`${seconds} seconds`)
  using workspace = GgmlWorkspace.open(library, { gpu, threads, contents: 'the measurement' })
  const { c } = workspace
  const [a, b] = workspace.place([
    { rows: size, columns: size },
    { rows: size, columns: size },
  ]).tensors
  if (a === undefined || b === undefined) throw new RangeError('no tensors')
  const values = Float32Array.from({ length: size * size }, (_, i) => Math.sin(i))
  workspace.write(a, values)
  workspace.write(b, values)
  // As many products in one graph as take some milliseconds on all threads together, so that starting it does not count.
  const productsPerGraph = Math.max(2, threads)
  const context = workspace.context(productsPerGraph, 2 * productsPerGraph)
  const graph = c.ggml_new_graph_custom(context, 2 * productsPerGraph, false)
  for (let i = 0; i < productsPerGraph; i++) c.ggml_build_forward_expand(graph, c.ggml_mul_mat(context, a, b))
  workspace.allocate(workspace.allocator(), graph)
  // The first run may still be loading code.
  workspace.compute(graph)
  const start = performance.now()
  let products = 0
  let milliseconds = 0
  do {
    workspace.compute(graph)
    products += productsPerGraph
    milliseconds = performance.now() - start
  } while (milliseconds < seconds * 1000)
  return { flopsPerSecond: (products * 2 * size ** 3 * 1000) / milliseconds }
}
