/**
 * The teacher-forced pass over one trace: the attention of the answer's tokens becomes importance (paper, Eq. 6, as a mean), or that of
 * all later ones if the label says so; the last hidden states of the thinking tokens are kept for training.
 */
import { Float16Array } from '@petamoriken/float16'
import type { LoadedModel } from '../engine/loaded-model.ts'
import { EngineError, InputError } from '../errors.ts'
import { isFiniteFloat16 } from '../float16.ts'
import { AttentionProbe, type KvType, type LlamaContext } from '../llama/index.ts'
import { defaultLabel, labelParts, type Label } from '../predictor/label.ts'
import type { ImportanceArrays } from './importance-record.ts'
import { LabelSums } from './label-sums.ts'
import type { KeptTrace } from './trace-record.ts'

/** Where the phases of a trace lie. */
export type TracePhases = Pick<KeptTrace, 'tokens' | 'promptTokens' | 'thinkStart' | 'thinkEnd' | 'answerStart'>

export interface PassOptions {
  /** Tokens of the longest trace. */
  readonly cells: number
  /** Default `answer`. */
  readonly label?: Label | undefined
  /** Default f16. A q8_0 cache is not possible: it needs flash attention, which gives no weights. */
  readonly kvType?: KvType | undefined
  readonly threads?: number | undefined
  /** The most bytes that one forward pass's logits, and one layer's attention weights, may take. Default 64 MiB. */
  readonly chunkBytes?: number | undefined
}

/** Of the measurement of one step: behind so many tokens, the shortest of so many. */
const tokensBeforeStep = 256
const measuredSteps = 4
const mostBatchTokens = 512
const fewestStateRows = 16
/** llama.cpp reserves the attention weights of a whole batch of every length up to `cells`. */
const mostAttentionBytes = 256 * 2 ** 20

export class ImportancePass implements Disposable {
  readonly #context: LlamaContext
  readonly #probe: AttentionProbe
  readonly #chunkBytes: number
  readonly #label: Label

  /**
   * @throws InputError `no_attention` for a model whose attention cannot be read
   * @throws EngineError `context_not_created`
   */
  static create(model: LoadedModel, options: PassOptions): ImportancePass {
    const { cells, label = defaultLabel, kvType, threads, chunkBytes = 64 * 2 ** 20 } = options
    const { llama } = model
    const { notReadable } = model
    if (notReadable !== undefined) throw noAttention(notReadable)
    const batchTokens = clamp(mostAttentionBytes / (cells * llama.heads * 4), 1, mostBatchTokens)
    const stateRows = Math.max(fewestStateRows, chunkBytes / (llama.vocab.size * 4))
    const probe = new AttentionProbe(llama.library)
    try {
      const context = model.createContext({
        cellsPerSequence: cells,
        kvType,
        threads,
        batchTokens,
        outputRows: clamp(stateRows, 1, batchTokens),
        flashAttention: false,
        attentionProbe: probe,
      })
      return new ImportancePass(context, probe, chunkBytes, label)
    } catch (error) {
      probe.dispose()
      throw error
    }
  }

  private constructor(context: LlamaContext, probe: AttentionProbe, chunkBytes: number, label: Label) {
    this.#context = context
    this.#probe = probe
    this.#chunkBytes = chunkBytes
    this.#label = label
  }

  /**
   * Runs a trace in chunks; after each it yields how many of the trace's tokens have been consumed.
   * @param sampled the thinking tokens whose states are wanted: ascending indices, 0 for the first after `<think>`
   * @returns importance of the prompt's tokens and of all thinking tokens, states of the sampled ones
   * @throws InputError `no_attention`; EngineError `decode_failed`, `not_finite`
   */
  *run(trace: TracePhases, sampled: Int32Array): Generator<number, ImportanceArrays, undefined> {
    const { tokens, promptTokens, thinkStart, thinkEnd, answerStart } = trace
    const sums = new LabelSums(this.#label, { thinkStart, thinkEnd, answerStart, length: tokens.length })
    this.#context.clear(0)
    yield* this.#consume(tokens, 0, thinkStart)
    const states = yield* this.#readStates(trace, sampled, sums)
    if (this.#readsAll) yield* this.#readAttention(tokens, thinkEnd, answerStart, sums)
    else yield* this.#consume(tokens, thinkEnd, answerStart)
    yield* this.#readAttention(tokens, answerStart, tokens.length, sums)
    const importance = sums.values()
    if (!importance.every(Number.isFinite))
      throw new EngineError('not_finite', 'the model gave attention weights that are no numbers')
    return {
      importance: importance.slice(thinkStart, thinkEnd),
      promptImportance: importance.slice(0, promptTokens),
      sampled,
      states,
    }
  }

  /** Seconds that a forward pass over one token takes, as in generating; leaves the beginning of the trace in the cache. */
  stepSeconds(tokens: readonly number[]): number {
    const context = this.#context
    const from = clamp(tokens.length - measuredSteps, 1, tokensBeforeStep)
    context.clear(0)
    context.append(0, tokens.slice(0, from), 0, 'none')
    const times = tokens.slice(from, from + measuredSteps).map((token, i) => {
      const start = performance.now()
      context.append(0, [token], from + i)
      context.logits(0)
      return performance.now() - start
    })
    return Math.min(...times) / 1000
  }

  dispose(): void {
    // The context disposes its probe.
    this.#context.dispose()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  /** Positions `from` to `end` - 1, of which only the cache is wanted. */
  *#consume(tokens: readonly number[], from: number, end: number): Generator<number, void, undefined> {
    for (const [start, stop] of chunks(from, end, this.#context.batchTokens)) {
      this.#context.append(0, tokens.slice(start, stop), start, 'none')
      yield stop
    }
  }

  /** Whether the attention of thinking tokens counts. */
  get #readsAll(): boolean {
    return labelParts(this.#label).later
  }

  /** The thinking tokens: states of the sampled ones, float16 [sampled x d], and their attention where that counts. */
  *#readStates(
    { tokens, thinkStart, thinkEnd }: TracePhases,
    sampled: Int32Array,
    sums: LabelSums,
  ): Generator<number, Uint16Array, undefined> {
    const context = this.#context
    const { hiddenSize } = context.model
    const states = new Uint16Array(sampled.length * hiddenSize)
    let stored = 0
    const rows = this.#readsAll ? Math.min(context.outputRows, this.#attentionRows(tokens.length)) : context.outputRows
    for (const [start, stop] of chunks(thinkStart, thinkEnd, rows)) {
      const wanted = sampled.subarray(stored, firstAtLeast(sampled, stop - thinkStart, stored))
      // Where hidden states are asked for, llama.cpp computes them, and logits, for every token of the batch.
      const append = () => context.append(0, tokens.slice(start, stop), start, wanted.length > 0 ? 'all' : 'none')
      if (this.#readsAll) this.#addAttention(append, start, sums)
      else append()
      for (const index of wanted) {
        states.set(toFloat16(context.hiddenState(thinkStart + index - start)), stored * hiddenSize)
        stored++
      }
      yield stop
    }
    return states
  }

  /** Positions `from` to `end` - 1, whose attention counts. */
  *#readAttention(
    tokens: readonly number[],
    from: number,
    end: number,
    sums: LabelSums,
  ): Generator<number, void, undefined> {
    for (const [start, stop] of chunks(from, end, this.#attentionRows(tokens.length))) {
      this.#addAttention(() => this.#context.append(0, tokens.slice(start, stop), start, 'none'), start, sums)
      yield stop
    }
  }

  /** Queries of a chunk whose attention is read. */
  #attentionRows(length: number): number {
    const { model, batchTokens } = this.#context
    return clamp(this.#chunkBytes / (padded(length) * model.heads * 4), 1, batchTokens)
  }

  /** @param first position of the first query of the pass that `run` makes */
  #addAttention(run: () => void, first: number, sums: LabelSums): void {
    this.#probe.active = true
    try {
      run()
      const positions = this.#context.layouts[0]?.positions ?? new Int32Array(0)
      sums.add({ first, positions, ...takeAttention(this.#probe) })
    } finally {
      this.#probe.active = false
    }
  }
}

function takeAttention(probe: AttentionProbe) {
  try {
    return probe.take()
  } catch (error) {
    if (error instanceof EngineError && /^(no_)?attention/.test(error.code)) throw noAttention(error.message)
    throw error
  }
}

function noAttention(reason: string): InputError {
  return new InputError(
    'no_attention',
    `Importance cannot be measured for this model, because its attention weights cannot be read: ${reason}.`,
  )
}

/** @throws EngineError `not_finite` for a value that float16 cannot hold */
function toFloat16(state: Float32Array): Uint16Array {
  const bits = new Uint16Array(new Float16Array(state).buffer)
  if (!bits.every(isFiniteFloat16)) {
    throw new EngineError('not_finite', 'the model gave a hidden state that float16 cannot hold')
  }
  return bits
}

function* chunks(from: number, end: number, size: number): Generator<[start: number, stop: number]> {
  for (let start = from; start < end; start += size) yield [start, Math.min(start + size, end)]
}

/** Index of the first of the ascending `values`, from index `from` on, that is not below `least`. */
function firstAtLeast(values: Int32Array, least: number, from: number): number {
  let index = from
  while ((values[index] ?? Infinity) < least) index++
  return index
}

/** Attention runs over whole groups of 256 cells. */
function padded(cells: number): number {
  return Math.ceil(cells / 256) * 256
}

function clamp(value: number, least: number, most: number): number {
  return Math.max(least, Math.min(most, Math.floor(value)))
}
