/**
 * Log-probabilities of tokens. A softmax over a vocabulary of 152k takes JavaScript milliseconds; ggml's takes a small part of it.
 */
import { EngineError } from '../errors.ts'
import { GgmlWorkspace } from './ggml-workspace.ts'
import type { LlamaLibrary } from './library.ts'
import type { Pointer } from './structs.ts'

/** A float32 of less than this has too few digits, or none. */
const leastProbability = 1e-30

export class LogSoftmax implements Disposable {
  readonly #workspace: GgmlWorkspace
  readonly #size: number
  readonly #graph: Pointer
  readonly #logits: Pointer
  readonly #probabilities: Pointer
  readonly #one = new Float32Array(1)

  /**
   * @param size of the vocabulary
   * @throws EngineError `no_backend`, `out_of_memory`
   */
  constructor(library: LlamaLibrary, size: number) {
    this.#size = size
    this.#workspace = GgmlWorkspace.open(library, { threads: 1, contents: 'the probabilities of tokens' })
    try {
      const { c } = this.#workspace
      const [logits] = this.#workspace.place([{ rows: 1, columns: size }]).tensors
      if (logits === undefined) throw new EngineError('out_of_memory', 'the probabilities of tokens have no tensor')
      const context = this.#workspace.context(1, 2)
      this.#logits = logits
      this.#probabilities = c.ggml_soft_max(context, logits)
      c.ggml_set_output(this.#probabilities)
      this.#graph = c.ggml_new_graph_custom(context, 2, false)
      c.ggml_build_forward_expand(this.#graph, this.#probabilities)
      this.#workspace.allocate(this.#workspace.allocator(), this.#graph)
    } catch (error) {
      this.#workspace.dispose()
      throw error
    }
  }

  /**
   * log softmax(logits)[token]; within 1e-5 of the value in double precision.
   * @param logits shape [vocabulary size]
   */
  run(logits: Float32Array, token: number): number {
    if (logits.length !== this.#size || !Number.isInteger(token) || token < 0 || token >= this.#size)
      throw new RangeError(`token ${token} of ${logits.length} logits`)
    this.#workspace.write(this.#logits, logits)
    this.#workspace.compute(this.#graph)
    const [probability = 0] = this.#workspace.read(this.#probabilities, this.#one, token)
    return probability >= leastProbability ? Math.log(probability) : logprobOf(logits, token)
  }

  dispose(): void {
    this.#workspace.dispose()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }
}

/** log softmax(logits)[token], in double precision. */
export function logprobOf(logits: Float32Array, token: number): number {
  let max = -Infinity
  for (let i = 0; i < logits.length; i++) max = Math.max(max, logits[i] ?? -Infinity)
  let sum = 0
  for (let i = 0; i < logits.length; i++) sum += Math.exp((logits[i] ?? -Infinity) - max)
  return (logits[token] ?? NaN) - max - Math.log(sum)
}
