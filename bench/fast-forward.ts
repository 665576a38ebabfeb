/**
 * Brings a decode loop to a late position without computing what lies before it: until then forward passes do nothing but
 * note which cells are held, and then these cells are filled with random keys and values at once. Phases, policy,
 * evictions and all bookkeeping are the loop's own, from the first token on.
 */
import type { ForwardPass, LoopModel } from '../src/engine/forward-pass.ts'
import type { LlamaContext } from '../src/llama/index.ts'
import { fillCache } from './filled-cache.ts'
import { Random } from './random.ts'
import { wordTokens } from './words.ts'

type Batch = Parameters<ForwardPass['decode']>[0]

export class FastForward implements ForwardPass {
  /** The loop's model: it samples in earnest only once the cache is filled. */
  readonly model: LoopModel
  readonly cellsPerSequence: number
  readonly sequences: number
  readonly flashAttention: boolean
  readonly batchTokens: number
  /** What a policy sees of attention cannot be made up, so there is none. */
  readonly readsAttention = false
  readonly #context: LlamaContext
  readonly #until: number
  /** Positions held by each sequence while nothing is computed. */
  readonly #held: number[][]
  readonly #hiddenStates: Float32Array[]
  readonly #random = new Random(2)
  #skips = true

  /** @param until the first position that is computed, in whichever sequence gets there first */
  constructor(context: LlamaContext, model: LoopModel, until: number) {
    this.#context = context
    this.#until = until
    this.cellsPerSequence = context.cellsPerSequence
    this.sequences = context.sequences
    this.flashAttention = context.flashAttention
    this.batchTokens = context.batchTokens
    this.#held = Array.from({ length: context.sequences }, () => [])
    this.#hiddenStates = Array.from({ length: 64 }, () => {
      return Float32Array.from({ length: context.model.hiddenSize }, () => this.#random.uniform(1))
    })
    this.model = this.#wrap(model)
  }

  get skips(): boolean {
    return this.#skips
  }

  append(sequenceId: number, tokens: ArrayLike<number>, start: number, output: 'none' | 'last'): void {
    if (!this.#skips) this.#context.append(sequenceId, tokens, start, output)
    for (let i = 0; i < tokens.length; i++) this.#heldBy(sequenceId).push(start + i)
  }

  decode(batch: Batch, hiddenStates: boolean): void {
    const positions = Array.from(batch.positions)
    if (this.#skips && Math.max(...positions) >= this.#until) this.#fill()
    if (this.#skips) positions.forEach((position, i) => this.#heldBy(batch.sequenceIds[i] ?? -1).push(position))
    else this.#context.decode(batch, hiddenStates)
  }

  synchronize(): void {
    if (!this.#skips) this.#context.synchronize()
  }

  logits(row: number): Float32Array {
    return this.#context.logits(row)
  }

  hiddenState(row: number): Float32Array {
    if (!this.#skips) return this.#context.hiddenState(row)
    return this.#hiddenStates[this.#random.below(this.#hiddenStates.length)] ?? new Float32Array()
  }

  attention(row: number): ReturnType<ForwardPass['attention']> {
    return this.#context.attention(row)
  }

  keys(sequenceId: number): ReturnType<ForwardPass['keys']> {
    return this.#context.keys(sequenceId)
  }

  remove(sequenceId: number, p0: number, p1: number): void {
    if (!this.#skips) this.#context.remove(sequenceId, p0, p1)
    else this.#held[sequenceId] = this.#heldBy(sequenceId).filter((position) => position < p0 || position >= p1)
  }

  compact(sequenceId: number): void {
    if (!this.#skips) this.#context.compact(sequenceId)
  }

  clear(sequenceId: number): void {
    this.#held[sequenceId] = []
    this.#context.clear(sequenceId)
  }

  #fill(): void {
    for (const [sequenceId, held] of this.#held.entries()) {
      if (held.length > 0) fillCache(this.#context, sequenceId, Int32Array.from(held))
    }
    this.#skips = false
  }

  #wrap(model: LoopModel): LoopModel {
    const words = wordTokens(model.vocab)
    return {
      ...model,
      createSampler: (settings, seed) => {
        const sampler = model.createSampler(settings, seed)
        return {
          sample: (row) => {
            if (!this.#skips) sampler.sample(row)
            return words[this.#random.below(words.length)] ?? 0
          },
          accept: (token) => sampler.accept(token),
          dispose: () => sampler.dispose(),
        }
      },
    }
  }

  #heldBy(sequenceId: number): number[] {
    const held = this.#held[sequenceId]
    if (!held) throw new RangeError(`sequence ${sequenceId} of ${this.sequences}`)
    return held
  }
}
