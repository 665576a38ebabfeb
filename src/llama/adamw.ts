/** AdamW (Loshchilov and Hutter, arXiv 1711.05101) in ggml with clipping of the gradients' global norm. */
import type { GgmlWorkspace, TensorSet, TensorShape } from './ggml-workspace.ts'
import type { Pointer } from './structs.ts'

export interface AdamWSettings {
  readonly beta1: number
  readonly beta2: number
  readonly epsilon: number
  /** Decoupled: each step takes learningRate * weightDecay of every weight. */
  readonly weightDecay: number
}

export interface AdamWStep {
  readonly learningRate: number
  /** The largest global norm of the gradients; they are scaled down to it. Infinity: never. */
  readonly clip: number
}

/** Everything that the next steps depend on, the weights apart; one array for each matrix. */
export interface AdamWState {
  /** First and second moments. */
  readonly m: Float32Array[]
  readonly v: Float32Array[]
  /** Steps taken. */
  readonly steps: number
}

/** More than the operations for one matrix in any graph here. */
const operationsPerMatrix = 4

export class AdamW {
  readonly #workspace: GgmlWorkspace
  readonly #shapes: readonly TensorShape[]
  readonly #settings: AdamWSettings
  readonly #m: TensorSet
  readonly #v: TensorSet
  readonly #parameters: Pointer
  readonly #factor: Pointer
  readonly #norm: { graph: Pointer; squares: Pointer[] }
  readonly #scale: Pointer
  readonly #update: Pointer
  #steps = 0

  /** @param shapes of the weights, and of their gradients. Both sets have their memory already. */
  constructor(
    workspace: GgmlWorkspace,
    shapes: readonly TensorShape[],
    weights: TensorSet,
    gradients: TensorSet,
    settings: AdamWSettings,
  ) {
    checkSettings(settings)
    this.#workspace = workspace
    this.#shapes = shapes
    this.#settings = settings
    this.#m = workspace.place(shapes)
    this.#v = workspace.place(shapes)
    for (const { buffer } of [this.#m, this.#v]) workspace.c.ggml_backend_buffer_clear(buffer, 0)
    const [parameters, factor] = workspace.place([
      { rows: 1, columns: 7 },
      { rows: 1, columns: 1 },
    ]).tensors
    if (parameters === undefined || factor === undefined) throw new RangeError('no tensors')
    this.#parameters = parameters
    this.#factor = factor
    this.#norm = this.#buildNorm(gradients.tensors)
    this.#scale = this.#buildScale(gradients.tensors)
    this.#update = this.#buildUpdate(weights.tensors, gradients.tensors)
  }

  /**
   * One step on the gradients, which are left scaled. If their norm is not finite, nothing changes: the caller sees it.
   * @returns the gradients' global norm before clipping
   */
  step({ learningRate, clip }: AdamWStep): number {
    if (!(learningRate >= 0 && learningRate < Infinity)) throw new RangeError(`learning rate ${learningRate}`)
    if (!(clip > 0)) throw new RangeError(`gradients clipped at ${clip}`)
    const workspace = this.#workspace
    const norm = this.#gradientNorm()
    if (!Number.isFinite(norm)) return norm
    if (norm > clip) {
      workspace.write(this.#factor, Float32Array.of(clip / norm))
      workspace.compute(this.#scale)
    }
    this.#steps++
    const { beta1, beta2, epsilon, weightDecay } = this.#settings
    // The moments' bias is corrected by the last two factors.
    const corrections = [1 / (1 - beta1 ** this.#steps), 1 / (1 - beta2 ** this.#steps)]
    const values = Float32Array.of(learningRate, beta1, beta2, epsilon, weightDecay, ...corrections)
    workspace.write(this.#parameters, values)
    workspace.compute(this.#update)
    return norm
  }

  state(): AdamWState {
    const copies = ({ tensors }: TensorSet) => readAll(this.#workspace, tensors, this.#shapes)
    return { m: copies(this.#m), v: copies(this.#v), steps: this.#steps }
  }

  /** @throws RangeError if the arrays are not of the matrices' sizes; then nothing has changed */
  restore({ m, v, steps }: AdamWState): void {
    if (!Number.isSafeInteger(steps) || steps < 0) throw new RangeError(`${steps} steps taken`)
    checkSizes(m, this.#shapes)
    checkSizes(v, this.#shapes)
    writeAll(this.#workspace, this.#m.tensors, m)
    writeAll(this.#workspace, this.#v.tensors, v)
    this.#steps = steps
  }

  /** Sums of squares of each row come from the back end; they are added up here in double precision. */
  #gradientNorm(): number {
    const workspace = this.#workspace
    workspace.compute(this.#norm.graph)
    let sum = 0
    for (const [i, tensor] of this.#norm.squares.entries()) {
      const squares = workspace.read(tensor, new Float32Array(this.#shapes[i]?.rows ?? 0))
      for (const square of squares) sum += square
    }
    return Math.sqrt(sum)
  }

  #buildNorm(gradients: readonly Pointer[]): { graph: Pointer; squares: Pointer[] } {
    const { c } = this.#workspace
    const { context, graph } = this.#begin()
    const squares = gradients.map((gradient) => c.ggml_sum_rows(context, c.ggml_sqr(context, gradient)))
    for (const tensor of squares) {
      c.ggml_set_output(tensor)
      c.ggml_build_forward_expand(graph, tensor)
    }
    this.#finish(graph)
    return { graph, squares }
  }

  #buildScale(gradients: readonly Pointer[]): Pointer {
    const { c } = this.#workspace
    const { context, graph } = this.#begin()
    for (const gradient of gradients)
      c.ggml_build_forward_expand(graph, c.ggml_mul_inplace(context, gradient, this.#factor))
    this.#finish(graph)
    return graph
  }

  #buildUpdate(weights: readonly Pointer[], gradients: readonly Pointer[]): Pointer {
    const { c } = this.#workspace
    const { context, graph } = this.#begin()
    for (const [i, w] of weights.entries()) {
      const [gradient, m, v] = [gradients[i], this.#m.tensors[i], this.#v.tensors[i]]
      if (gradient === undefined || m === undefined || v === undefined)
        throw new RangeError(`no tensors for matrix ${i}`)
      c.ggml_set_param(w)
      c.ggml_build_forward_expand(graph, c.ggml_opt_step_adamw(context, w, gradient, m, v, this.#parameters))
    }
    this.#finish(graph)
    return graph
  }

  #begin(): { context: Pointer; graph: Pointer } {
    const operations = operationsPerMatrix * (this.#shapes.length + 1)
    const context = this.#workspace.context(operations, operations)
    return { context, graph: this.#workspace.c.ggml_new_graph_custom(context, operations, false) }
  }

  #finish(graph: Pointer): void {
    this.#workspace.checkSupport(graph)
    this.#workspace.allocate(this.#workspace.allocator(), graph)
  }
}

export function readAll(
  workspace: GgmlWorkspace,
  tensors: readonly Pointer[],
  shapes: readonly TensorShape[],
): Float32Array[] {
  return tensors.map((tensor, i) => {
    const { rows, columns } = shapes[i] ?? { rows: 0, columns: 0 }
    return workspace.read(tensor, new Float32Array(rows * columns))
  })
}

export function writeAll(workspace: GgmlWorkspace, tensors: readonly Pointer[], values: readonly Float32Array[]): void {
  for (const [i, tensor] of tensors.entries()) workspace.write(tensor, values[i] ?? new Float32Array(0))
}

/** @throws RangeError unless there is an array for each matrix, of its size */
export function checkSizes(values: readonly Float32Array[], shapes: readonly TensorShape[]): void {
  if (values.length !== shapes.length) throw new RangeError(`${values.length} arrays for ${shapes.length} matrices`)
  for (const [i, { rows, columns }] of shapes.entries()) {
    const length = values[i]?.length ?? 0
    if (length !== rows * columns) throw new RangeError(`${length} values for a matrix of ${rows} x ${columns}`)
  }
}

function checkSettings({ beta1, beta2, epsilon, weightDecay }: AdamWSettings): void {
  for (const beta of [beta1, beta2]) if (!(beta >= 0 && beta < 1)) throw new RangeError(`AdamW with a beta of ${beta}`)
  if (!(epsilon > 0 && epsilon < Infinity)) throw new RangeError(`AdamW with an epsilon of ${epsilon}`)
  if (!(weightDecay >= 0 && weightDecay < Infinity)) throw new RangeError(`AdamW with a weight decay of ${weightDecay}`)
}
