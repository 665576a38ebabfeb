/**
 * An engine: one cache of fixed size on a loaded model, serving many generations at once.
 */
import { setMaxListeners } from 'node:events'
import { bytesOfCells, bytesOfToken, type CellBytes } from '../cache/cell-bytes.ts'
import type { CompactionChoice } from '../cache/compaction.ts'
import { EngineError, InputError } from '../errors.ts'
import type { KvType } from '../llama/index.ts'
import { bytesPerCell } from '../models/memory-plan.ts'
import type { EngineThread, Listener } from './engine-thread.ts'
import { Generation, mostUnreadEvents } from './generation.ts'
import type { Model } from './model.ts'
import { checkEngineOptions, checkGenerateOptions, checkModel } from './option-schemas.ts'
import { defaultCacheSettings } from './cache-settings.ts'
import { closedError, fromPlainError } from './protocol.ts'
import type { GenerateRequest, GenerateResult } from './types.ts'

export interface EngineOptions {
  /**
   * Cells of each sequence: the largest budget that the engine admits. Allocated at once; does not grow. Default: the budget
   * that the predictor recommends, else 4096.
   */
  readonly cells?: number | undefined
  /** How many generations run at the same time; more wait. Default 1. */
  readonly sequences?: number | undefined
  /** Default f16. */
  readonly kvType?: KvType | undefined
  /** Whether survivors of an eviction are rewritten contiguously. Default auto. */
  readonly compaction?: CompactionChoice | undefined
  /** Default: on a GPU and for quantised caches. */
  readonly flashAttention?: boolean | undefined
  /**
   * Reads attention weights, for policies that need them (h2o, snapkv, r-kv, tova; `Model.plan` tells). It turns flash
   * attention off and slows every step down, so it is off by default. Not possible with a q8_0 cache.
   */
  readonly attention?: boolean | undefined
  /** The most bytes of saved prompts, from which later ones are copied. Default 128 MiB. */
  readonly promptStateBytes?: number | undefined
}

export interface GenerateOptions {
  /** Cancels the generation: its result has the finish reason `cancelled`. */
  readonly signal?: AbortSignal | undefined
}

export class Engine {
  readonly model: Model
  /** Cells of each sequence, after llama.cpp's rounding up to a multiple of 256. */
  readonly cells: number
  readonly sequences: number
  /** Keys and values of one token in all layers. */
  readonly bytesPerCell: number
  /** Bytes of the cache, all sequences together. Layers with a sliding window have no more cells than their window needs. */
  readonly cacheBytes: number
  readonly #thread: EngineThread
  readonly #id: number
  readonly #generations = new Set<Generation>()
  #closed = false

  /**
   * @throws InputError `invalid_context`; EngineError `context_not_created` when memory does not suffice, `engine_died` if the
   *   thread that has the model has ended
   */
  static async create(model: Model, options: EngineOptions = {}): Promise<Engine> {
    checkModel(model)
    checkEngineOptions(options)
    const {
      sequences = 1,
      kvType = 'f16',
      compaction = 'auto',
      flashAttention,
      attention = false,
      promptStateBytes,
    } = options
    const cells = options.cells ?? model.predictor?.budget ?? defaultCacheSettings.budget
    const { thread } = model
    const reply = await thread.call('open', {
      modelId: model.id,
      cellsPerSequence: cells,
      sequences,
      kvType,
      compaction,
      flashAttention,
      attention,
      promptStateBytes,
      bytesPerCell: bytesPerCell(model.info, kvType),
    })
    return new Engine(model, thread, reply.engineId, {
      cells: reply.cellsPerSequence,
      sequences,
      cellBytes: reply.cellBytes,
    })
  }

  private constructor(
    model: Model,
    thread: EngineThread,
    id: number,
    facts: { cells: number; sequences: number; cellBytes: CellBytes },
  ) {
    this.model = model
    this.cells = facts.cells
    this.sequences = facts.sequences
    this.bytesPerCell = bytesOfToken(facts.cellBytes)
    this.cacheBytes = facts.sequences * bytesOfCells(facts.cellBytes, facts.cells)
    this.#thread = thread
    this.#id = id
  }

  /**
   * Starts a generation. It never throws: what is wrong with the request (InputError, before any compute), and what fails later
   * (EngineError, e.g. `engine_closed`, `engine_died`), is thrown when the generation is iterated or its result awaited.
   */
  generate(request: GenerateRequest, options: GenerateOptions = {}): Generation {
    return this.#start(request, options, mostUnreadEvents)
  }

  #start(request: GenerateRequest, options: GenerateOptions, unreadEvents: number): Generation {
    try {
      if (this.#closed) throw closedError('engine')
      checkGenerateOptions(options)
    } catch (error) {
      const refused = new Generation(() => undefined)
      refused.fail(error as Error)
      return refused
    }
    const { signal } = options
    const sent: { requestId?: number } = {}
    const tell = (what: 'cancel' | 'endThinking') => {
      if (sent.requestId !== undefined) this.#thread.tell(what, this.#id, sent.requestId)
    }
    const cancel = () => tell('cancel')
    const generation = new Generation(tell, unreadEvents)
    this.#generations.add(generation)
    const done = () => {
      this.#generations.delete(generation)
      signal?.removeEventListener('abort', cancel)
    }
    const listener: Listener = {
      onItem: (item) => {
        if ('error' in item) {
          done()
          generation.fail(fromPlainError(item.error))
        } else {
          if (item.event.type === 'finish') done()
          generation.push(item.event)
        }
      },
      onDeath: (error) => {
        done()
        generation.fail(error)
      },
    }
    try {
      sent.requestId = this.#thread.submit(this.#id, request, listener)
    } catch (error) {
      listener.onDeath(error instanceof EngineError ? error : notPlainData(error))
      return generation
    }
    if (signal?.aborted) cancel()
    else if (signal) {
      // Every generation under way listens, and none for longer.
      setMaxListeners(0, signal)
      signal.addEventListener('abort', cancel, { once: true })
    }
    return generation
  }

  /** Generates to the end and gives the result. Rejects with what `generate` throws. */
  async complete(request: GenerateRequest, options: GenerateOptions = {}): Promise<GenerateResult> {
    return await this.#start(request, options, 0).result
  }

  /** Cancels what is under way and frees the cache. Closing twice is allowed. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    const running = [...this.#generations]
    for (const generation of running) generation.cancel()
    await Promise.allSettled(running.map((generation) => generation.result))
    await this.#thread.release('closeEngine', { engineId: this.#id })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

function notPlainData(cause: unknown): InputError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new InputError('invalid_request', `the request must be plain data: ${reason}`, { cause })
}
