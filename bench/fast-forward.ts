/**
 * Brings a decode loop to a late position without computing what lies before it: until then forward passes do nothing but
 * note which cells are held, and then these cells are filled with random keys and values. Phases, policy, evictions and all
 * bookkeeping are the loop's own, from the first token on. Attention weights are random, before and after.
 */
import type { ForwardPass, LoopModel } from '../src/engine/forward-pass.ts'
import type { LlamaContext } from '../src/llama/index.ts'
import { fillCache, type FillOptions } from './filled-cache.ts'
import { LateScorer } from './late-scorer.ts'
import { PartTimes } from './part-times.ts'
import { Random } from './random.ts'
import { wordTokens } from './words.ts'

type Batch = Parameters<ForwardPass['decode']>[0]

export interface FastForwardOptions extends FillOptions {
  /** The first position that is computed, in the sequence that is ahead. */
  readonly until: number
  /** The first position whose hidden state the importance predictor really scores. Default 0. */
  readonly scoredFrom?: number
}

export class FastForward implements ForwardPass {
  /** The loop's model: it samples in earnest only once the cache is filled. */
  readonly model: LoopModel
  readonly cellsPerSequence: number
  readonly sequences: number
  readonly flashAttention: boolean
  readonly usesGpu: boolean
  readonly canRestore: boolean
  readonly restoresExactly: boolean
  /** A prompt of any length is read in one step. */
  readonly batchTokens = 2 ** 20
  readonly outputRows: number
  readonly readsAttention = true
  /** What the parts of evictions took. */
  readonly times = new PartTimes()
  readonly #context: LlamaContext
  readonly #options: FastForwardOptions
  /** Positions held by each sequence while nothing is computed. */
  readonly #held: number[][]
  readonly #hiddenStates: Float32Array[]
  readonly #random = new Random(2)
  readonly #weights: Float32Array
  /** Whose attention each row of the last pass is. */
  #rows: { sequenceId: number; position: number }[] = []
  #skips = true
  /** Sequences that have evicted since: what they hold is not followed. */
  readonly #evicted = new Set<number>()

  constructor(context: LlamaContext, model: LoopModel, options: FastForwardOptions) {
    this.#context = context
    this.#options = options
    this.cellsPerSequence = context.cellsPerSequence
    this.sequences = context.sequences
    this.outputRows = context.outputRows
    this.flashAttention = context.flashAttention
    this.usesGpu = context.usesGpu
    this.canRestore = context.canRestore
    this.restoresExactly = context.restoresExactly
    this.#held = Array.from({ length: context.sequences }, () => [])
    const random = (length: number) => Float32Array.from({ length }, () => this.#random.uniform(1))
    this.#hiddenStates = Array.from({ length: 64 }, () => random(context.model.hiddenSize))
    this.#weights = random(2 * this.cellsPerSequence).map((weight) => Math.abs(weight) / this.cellsPerSequence)
    this.model = this.#wrap(model)
  }

  /** Whether the next step is the first that is computed: it is time to `fill` the cache. */
  get due(): boolean {
    return this.#held.some((held) => (held.at(-1) ?? 0) >= this.#options.until - 1)
  }

  /**
   * Fills the cache; from now on everything is computed.
   * @param breathe called after each sequence
   */
  async fill(breathe: (share: number) => Promise<void>): Promise<void> {
    for (const [sequenceId, held] of this.#held.entries()) {
      if (held.length > 0) fillCache(this.#context, sequenceId, Int32Array.from(held), this.#options)
      await breathe((sequenceId + 1) / this.sequences)
    }
    this.#skips = false
    this.times.reset()
  }

  append(
    sequenceId: number,
    tokens: ArrayLike<number>,
    start: number,
    output: 'none' | 'last' | 'all',
    attentionRows = 0,
  ): void {
    if (!this.#skips) this.#context.append(sequenceId, tokens, start, output)
    for (let i = 0; i < tokens.length; i++) this.#heldBy(sequenceId).push(start + i)
    const first = start + tokens.length - attentionRows
    this.#rows = Array.from({ length: attentionRows }, (_, row) => ({ sequenceId, position: first + row }))
  }

  decode(batch: Batch, hiddenStates: boolean): void {
    if (!this.#skips) this.#context.decode(batch, hiddenStates)
    this.#rows = Array.from(batch.positions, (position, i) => ({ sequenceId: batch.sequenceIds[i] ?? -1, position }))
    for (const { sequenceId, position } of this.#rows) this.#heldBy(sequenceId).push(position)
  }

  synchronize(): void {
    if (!this.#skips) this.#context.synchronize()
  }

  logits(row: number): Float32Array {
    return this.#context.logits(row)
  }

  logprob(row: number, token: number): number {
    return this.#context.logprob(row, token)
  }

  hiddenState(row: number): Float32Array {
    if (!this.#skips) return this.#context.hiddenState(row)
    return this.#hiddenStates[this.#random.below(this.#hiddenStates.length)] ?? new Float32Array()
  }

  attention(row: number): ReturnType<ForwardPass['attention']> {
    const { sequenceId, position } = this.#rows[row] ?? { sequenceId: -1, position: -1 }
    if (this.#evicted.has(sequenceId)) throw new Error('attention can be made up before the first real eviction only')
    const held = this.#heldBy(sequenceId)
    const newest = held.at(-1) ?? -1
    // Of the prompt's rows each sees those before it; nothing has been removed yet.
    const positions = Int32Array.from(newest > position ? held.slice(0, position - newest) : held)
    const from = this.#random.below(this.cellsPerSequence)
    return { positions, weights: this.#weights.subarray(from, from + positions.length) }
  }

  cached(sequenceId: number): ReturnType<ForwardPass['cached']> {
    return this.times.ofCells(() => this.#context.cached(sequenceId))
  }

  remove(sequenceId: number, p0: number, p1: number): void {
    if (this.#skips) {
      this.#held[sequenceId] = this.#heldBy(sequenceId).filter((position) => position < p0 || position >= p1)
    } else {
      this.#evicted.add(sequenceId)
      this.times.time('removal', () => this.#context.remove(sequenceId, p0, p1))
    }
  }

  save(sequenceId: number): Uint8Array {
    if (this.#skips) return new Uint8Array(Int32Array.from(this.#heldBy(sequenceId)).buffer)
    return this.#context.save(sequenceId)
  }

  /** Nothing is shortened: what is saved before anything is computed is no prompt. */
  shortestPrefix(): number {
    return Infinity
  }

  restore(sequenceId: number, state: Uint8Array): void {
    if (!this.#skips) throw new Error('all sequences begin before the cache is filled')
    this.#held[sequenceId] = [...new Int32Array(state.buffer)]
  }

  compact(sequenceId: number, without: readonly (readonly [number, number])[]): void {
    if (this.#skips) {
      for (const [p0, p1] of without) this.remove(sequenceId, p0, p1)
    } else {
      this.#evicted.add(sequenceId)
      this.times.time('compaction', () => this.#context.compact(sequenceId, without))
    }
  }

  clear(sequenceId: number): void {
    this.#held[sequenceId] = []
    this.#context.clear(sequenceId)
  }

  #wrap(model: LoopModel): LoopModel {
    const words = wordTokens(model.vocab)
    return {
      ...model,
      createScorer: () => new LateScorer(model.createScorer(), this.#options.scoredFrom ?? 0, this.times),
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
