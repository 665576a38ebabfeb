/**
 * A forward pass that takes microseconds. Its outputs depend on nothing but the consumed token and its position, so that a
 * test can compute what must come out; its cache is strict where llama.cpp would abort.
 */
import type { AttentionRow, CachedCells } from '../eviction/policy.ts'
import { fakeArithmetic } from '../eviction/products.fake.ts'
import { fakeVectors } from '../eviction/vectors.fake.ts'
import { logprobOf } from '../llama/log-softmax.ts'
import type { ForwardPass, Vocabulary } from './forward-pass.ts'
import { closeTag, eos, fakeVocabulary, openTag, token, vocabularySize } from './vocabulary.fake.ts'

/** What the fake predicts after consuming `consumed` at `position`; never the end, never a tag. */
export function fakeLogits(consumed: number, position: number): Float32Array {
  const logits = Float32Array.from(
    { length: vocabularySize },
    (_, v) => 3 * Math.sin(consumed * 7 + position * 1.3 + v * 5),
  )
  for (const never of [eos, openTag, closeTag, token('<'), token('</'), token('</th')]) logits[never] = -50
  return logits
}
export const fakeHiddenState = (consumed: number, position: number): Float32Array => Float32Array.of(consumed, position)
/** The importance that the fake predictor sees in a hidden state; with ties. */
export const fakeImportance = ([consumed = 0, position = 0]: ArrayLike<number> & Iterable<number>): number =>
  ((consumed * 31 + position * 17) % 23) / 4

/** The attention of the query at `position` on the cells of `held`, its own included; falls towards older cells. */
export function fakeAttention(position: number, held: Iterable<number>): AttentionRow {
  const positions = Int32Array.from(held)
  const raw = [...positions].map((other) => 1 + ((position * 7 + other * 13) % 11))
  const total = raw.reduce((sum, weight) => sum + weight, 0)
  return { positions, weights: Float32Array.from(raw, (weight) => weight / total) }
}

/** What a sampler without a script draws: the favourite, a little shuffled by the seed. */
export function fakeChoice(logits: Float32Array, seed: number, step: number): number {
  let best = 0
  const noise = (v: number) => (Math.imul(seed * 40_503 + step * 101 + v * 7 + 1, 0x9e3779b1) >>> 8) / 2 ** 23
  const value = (v: number) => (logits[v] ?? 0) + (seed === 0 ? 0 : noise(v))
  for (let v = 1; v < logits.length; v++) if (value(v) > value(best)) best = v
  return best
}

/** The tokens that a sampler without a script draws after a prompt, computed without a loop. */
export function expectedTokens(prompt: readonly number[], seed: number, count: number): number[] {
  const all = [...prompt]
  for (let step = 0; step < count; step++) {
    all.push(fakeChoice(fakeLogits(all.at(-1) ?? -1, all.length - 1), seed, step))
  }
  return all.slice(prompt.length)
}

export interface ForwardRecord {
  readonly kind: 'append' | 'decode' | 'compact' | 'restore'
  readonly sequenceIds: readonly number[]
  readonly count: number
}

export interface FakeForwardSizes {
  readonly cells?: number
  readonly sequences?: number
  readonly batchTokens?: number
  readonly outputRows?: number
  readonly attention?: boolean
  /** What of it tokens are. */
  readonly vocab?: Vocabulary | undefined
}

/** The cache: a set of positions per sequence, and a record of all forward passes. */
export class FakeForward implements ForwardPass {
  readonly cellsPerSequence: number
  readonly sequences: number
  readonly flashAttention = false
  readonly usesGpu = false
  readonly canRestore = true
  readonly restoresExactly = true
  readonly shortestPrefix = (): number => 0
  readonly batchTokens: number
  readonly outputRows: number
  readonly readsAttention: boolean
  readonly held: Map<number, number>[]
  readonly peaks: number[]
  readonly passes: ForwardRecord[] = []
  /** Called before each decode; a test makes it throw. */
  beforeDecode: (sequenceIds: number[]) => void = () => undefined
  /** Number of passes that were waited for. */
  synchronized = 0
  readonly #newest: number[] = []
  readonly #vocab: Vocabulary
  #rows: { logits: Float32Array; hidden: Float32Array | undefined }[] = []
  #attention: (AttentionRow | undefined)[] = []

  constructor({
    cells = 64,
    sequences = 4,
    batchTokens = 8,
    outputRows = 3,
    attention = false,
    vocab,
  }: FakeForwardSizes = {}) {
    this.#vocab = vocab ?? fakeVocabulary
    this.readsAttention = attention
    this.cellsPerSequence = cells
    this.sequences = sequences
    this.batchTokens = batchTokens
    this.outputRows = outputRows
    this.held = Array.from({ length: sequences }, () => new Map<number, number>())
    this.peaks = this.held.map(() => 0)
  }

  positions(sequenceId: number): number[] {
    return [...this.#heldBy(sequenceId).keys()]
  }

  append(
    sequenceId: number,
    all: ArrayLike<number>,
    start: number,
    output: 'none' | 'last' | 'all',
    attentionRows = 0,
  ): void {
    if (all.length === 0 || all.length > this.batchTokens) throw new Error(`${all.length} tokens in a pass`)
    this.#invalidate()
    for (let i = 0; i < all.length; i++) {
      this.#take(sequenceId, all[i] ?? -1, start + i)
      if (i >= all.length - attentionRows) this.#readAttention(sequenceId, start + i)
    }
    this.passes.push({ kind: 'append', sequenceIds: [sequenceId], count: all.length })
    if (output === 'all' && all.length > this.outputRows) throw new Error(`${all.length} outputs in a pass`)
    if (output === 'all') this.#rows = Array.from(all, (one, i) => this.#row(one, start + i, true))
    if (output === 'last') this.#rows = [this.#row(all[all.length - 1] ?? -1, start + all.length - 1, false)]
  }

  decode(
    batch: { tokens: ArrayLike<number>; positions: ArrayLike<number>; sequenceIds: ArrayLike<number> },
    hiddenStates: boolean,
    attention: readonly boolean[] = [],
  ): void {
    const sequenceIds = Array.from(batch.sequenceIds)
    if (new Set(sequenceIds).size !== sequenceIds.length) throw new Error('a sequence occurs twice')
    this.#invalidate()
    this.beforeDecode(sequenceIds)
    sequenceIds.forEach((sequenceId, i) => this.#take(sequenceId, batch.tokens[i] ?? -1, batch.positions[i] ?? -1))
    sequenceIds.forEach((sequenceId, i) => {
      if (attention[i] === true) this.#readAttention(sequenceId, batch.positions[i] ?? -1)
      else this.#attention.push(undefined)
    })
    this.passes.push({ kind: 'decode', sequenceIds, count: sequenceIds.length })
    this.#rows = sequenceIds.map((_, i) => this.#row(batch.tokens[i] ?? -1, batch.positions[i] ?? -1, hiddenStates))
  }

  synchronize(): void {
    this.synchronized++
  }

  logprob(row: number, token: number): number {
    return logprobOf(this.logits(row), token)
  }

  logits(row: number): Float32Array {
    const logits = this.#rows[row]?.logits
    if (!logits) throw new Error(`no row ${row}`)
    return logits
  }

  hiddenState(row: number): Float32Array {
    const hidden = this.#rows[row]?.hidden
    if (!hidden) throw new Error(`no hidden state in row ${row}`)
    return hidden
  }

  attention(row: number): AttentionRow {
    const attention = this.#attention[row]
    if (!attention) throw new Error(`the attention of row ${row} was not asked for`)
    return attention
  }

  /** One layer with one head: every key is its cell's position and 1, every value its token and 2. */
  cached(sequenceId: number): CachedCells {
    const held = this.#heldBy(sequenceId)
    const positions = Int32Array.from(held.keys())
    const vectors = (pairs: number[][]) => fakeVectors(positions, 2, () => [Float32Array.from(pairs.flat())])
    return {
      keys: { ...vectors([...held.keys()].map((position) => [position, 1])), ...fakeArithmetic(2) },
      values: () => vectors([...held.values()].map((one) => [one, 2])),
    }
  }

  remove(sequenceId: number, p0: number, p1: number): void {
    const held = this.#heldBy(sequenceId)
    const newest = this.#newest[sequenceId] ?? -1
    if (!(p0 >= 0 && p1 > p0) || p1 > newest + 1) throw new Error(`range ${p0} to ${p1}, newest cell ${newest}`)
    const gone = [...held.keys()].filter((position) => p0 <= position && position < p1)
    if (gone.length === 0) throw new Error(`nothing to remove in ${p0} to ${p1}`)
    for (const position of gone) held.delete(position)
    if (p1 > newest) this.#newest[sequenceId] = Math.max(-1, ...held.keys())
  }

  save(sequenceId: number): Uint8Array {
    const cells = [...this.#heldBy(sequenceId)]
    return new TextEncoder().encode(JSON.stringify(cells))
  }

  restore(sequenceId: number, state: Uint8Array): void {
    const cells = JSON.parse(new TextDecoder().decode(state)) as [number, number][]
    const held = this.#heldBy(sequenceId)
    held.clear()
    for (const [position, one] of cells) held.set(position, one)
    this.#newest[sequenceId] = cells.at(-1)?.[0] ?? -1
    this.passes.push({ kind: 'restore', sequenceIds: [sequenceId], count: cells.length })
  }

  compact(sequenceId: number, without: readonly (readonly [number, number])[]): void {
    for (const [p0, p1] of without) this.remove(sequenceId, p0, p1)
    this.passes.push({ kind: 'compact', sequenceIds: [sequenceId], count: this.#heldBy(sequenceId).size })
  }

  clear(sequenceId: number): void {
    this.#heldBy(sequenceId).clear()
  }

  #take(sequenceId: number, one: number, position: number): void {
    const held = this.#heldBy(sequenceId)
    const newest = held.size === 0 ? -1 : (this.#newest[sequenceId] ?? -1)
    if (!this.#vocab.isToken(one)) throw new Error(`${one} is not a token`)
    if (position !== newest + 1) throw new Error(`position ${position} does not follow ${newest}`)
    if (held.size >= this.cellsPerSequence) throw new Error('no free cell')
    held.set(position, one)
    this.#newest[sequenceId] = position
    this.peaks[sequenceId] = Math.max(this.peaks[sequenceId] ?? 0, held.size)
  }

  #row(one: number, position: number, hiddenStates: boolean) {
    return {
      logits: fakeLogits(one, position),
      hidden: hiddenStates ? fakeHiddenState(one, position) : undefined,
    }
  }

  /** Outputs are valid until the next pass only: whoever keeps a view sees NaN. */
  #invalidate(): void {
    for (const { logits, hidden } of this.#rows) {
      logits.fill(NaN)
      hidden?.fill(NaN)
    }
    this.#rows = []
    for (const row of this.#attention) row?.weights.fill(NaN)
    this.#attention = []
  }

  #readAttention(sequenceId: number, position: number): void {
    if (!this.readsAttention) throw new Error('attention was asked for where it is not read')
    this.#attention.push(fakeAttention(position, this.#heldBy(sequenceId).keys()))
  }

  #heldBy(sequenceId: number): Map<number, number> {
    const held = this.held[sequenceId]
    if (!held) throw new Error(`sequence ${sequenceId} of ${this.sequences}`)
    return held
  }
}
