/**
 * THE decode loop: continuous batching over the sequences of one cache. Each step runs one forward pass for all generations
 * under way, one for each replay, then one piece of a prompt for a newcomer. Sampling and replay, every policy, alone or together: all pass
 * through here.
 */
import { InputError } from '../errors.ts'
import { thrownLater } from '../eviction/check-policy.ts'
import type { PolicyDefinition } from '../eviction/policy.ts'
import type { ForwardPass, LoopModel } from './forward-pass.ts'
import { prepareRequest, type PreparedRequest } from './prepare.ts'
import { PromptStates } from './prompt-states.ts'
import { nothingCounted, report } from './report.ts'
import { Sequence, type SequenceOptions } from './sequence.ts'
import type { GenerateEvent, GenerateRequest, StartEvent } from './types.ts'

/** What happened to a request in a step. */
export type LoopEvent =
  | { readonly requestId: number; readonly event: GenerateEvent }
  /** The request failed and is gone; the others go on. */
  | { readonly requestId: number; readonly error: unknown }

export class DecodeLoop {
  readonly #forward: ForwardPass
  readonly #model: LoopModel
  readonly #options: SequenceOptions
  readonly #waiting = new Map<number, PreparedRequest>()
  readonly #sequences = new Map<number, Sequence>()
  readonly #freeSequenceIds: number[]
  /** Whose prompt a piece was read of last. */
  #lastPrefilled = -1
  #events: LoopEvent[] = []

  /** @param promptStateBytes of saved prompts; default 128 MiB */
  constructor(
    forward: ForwardPass,
    model: LoopModel,
    {
      promptStateBytes,
      ...options
    }: Omit<SequenceOptions, 'promptStates'> & { readonly promptStateBytes?: number | undefined },
  ) {
    this.#forward = forward
    this.#model = model
    this.#options = { ...options, promptStates: new PromptStates(mostPrompts(forward), promptStateBytes) }
    this.#freeSequenceIds = Array.from({ length: forward.sequences }, (_, sequenceId) => sequenceId)
  }

  /** Whether there is nothing to do and nothing to tell. */
  get idle(): boolean {
    return this.#waiting.size === 0 && this.#sequences.size === 0 && this.#events.length === 0
  }

  /**
   * Queues a request; its events carry `requestId`.
   * @throws InputError for a request that cannot be carried out; nothing has been computed then
   */
  submit(requestId: number, request: GenerateRequest): void {
    const prepared = prepareRequest(this.#model, request)
    if (prepared.neededCells > this.#forward.cellsPerSequence) {
      throw new InputError(
        'cache_too_small',
        `this request needs ${prepared.neededCells} cells, but the engine has ${this.#forward.cellsPerSequence} for each sequence`,
      )
    }
    if (prepared.queries > 0 && !this.#forward.readsAttention) {
      throw new InputError(
        'attention_not_read',
        `policy ${prepared.definition.name} needs attention weights, which this engine does not read: make one with Engine.create(model, { attention: true })`,
      )
    }
    this.#waiting.set(requestId, prepared)
    this.#events.push({ requestId, event: startEvent(prepared) })
  }

  /** Ends a request; what it has generated so far is its result. The others go on. */
  cancel(requestId: number): void {
    const sequence = this.#sequences.get(requestId)
    const waiting = this.#waiting.get(requestId)
    if (sequence) this.#run(requestId, sequence, (events) => sequence.finish('cancelled', events))
    else if (waiting) {
      this.#waiting.delete(requestId)
      const { cellBytes } = this.#options
      const result = report(waiting, {
        ...nothingCounted,
        cellBytes,
        allocatedCells: this.#forward.cellsPerSequence,
      })
      this.#events.push({ requestId, event: { type: 'finish', result } })
    }
  }

  /** Closes the thinking of a request that thinks; others are left alone. */
  endThinking(requestId: number): void {
    this.#sequences.get(requestId)?.endThinking()
  }

  /** Ends all requests, running and waiting. */
  cancelAll(): void {
    for (const requestId of [...this.#sequences.keys(), ...this.#waiting.keys()]) this.cancel(requestId)
  }

  /** Ends the sequences of a user's policy that threw outside of its calls. */
  failPolicy(definition: PolicyDefinition, error: unknown): void {
    for (const [requestId, { prepared }] of this.#sequences)
      if (prepared.definition.file === definition.file) this.#fail(requestId, thrownLater(definition, error))
  }

  /** One turn of the loop; returns what happened since the last. */
  step(): LoopEvent[] {
    this.#decode()
    this.#replay()
    this.#admit()
    this.#prefill()
    const events = this.#events
    this.#events = []
    return events
  }

  dispose(): void {
    for (const sequence of this.#sequences.values()) sequence.dispose()
    this.#sequences.clear()
    this.#waiting.clear()
  }

  #decode(): void {
    // llama.cpp computes in one go only sequences that follow each other in the order of their ids.
    const running = [...this.#sequences]
      .filter(([, sequence]) => isPrefilled(sequence) && !sequence.isReplay)
      .sort(([, a], [, b]) => a.sequenceId - b.sequenceId)
    if (running.length === 0) return
    const next = running.map(([, sequence]) => sequence.next)
    const start = performance.now()
    try {
      this.#forward.decode(
        {
          tokens: next.map(({ token }) => token),
          positions: next.map(({ position }) => position),
          sequenceIds: running.map(([, { sequenceId }]) => sequenceId),
        },
        running.some(([, { needsHiddenState }]) => needsHiddenState),
        running.map(([, { needsAttention }]) => needsAttention),
      )
      this.#forward.synchronize()
    } catch (error) {
      for (const [requestId] of running) this.#fail(requestId, error)
      return
    }
    const forwardMs = performance.now() - start
    for (const [, sequence] of running) sequence.forwardMs += forwardMs
    running.forEach(([requestId, sequence], row) =>
      this.#run(requestId, sequence, (events) => sequence.consume(row, events)),
    )
  }

  /** What comes next is known in a replay, so each has a pass of its own over several tokens. */
  #replay(): void {
    for (const [requestId, sequence] of [...this.#sequences]) {
      if (!sequence.isReplay || !isPrefilled(sequence)) continue
      this.#run(requestId, sequence, (events) => sequence.readReplay(events))
    }
  }

  #admit(): void {
    for (const [requestId, prepared] of this.#waiting) {
      const sequenceId = this.#freeSequenceIds.shift()
      if (sequenceId === undefined) return
      this.#waiting.delete(requestId)
      try {
        this.#sequences.set(requestId, new Sequence(this.#forward, this.#model, prepared, sequenceId, this.#options))
      } catch (error) {
        this.#freeSequenceIds.push(sequenceId)
        this.#events.push({ requestId, error })
      }
    }
  }

  /** One piece of one prompt, so that a long prompt does not stop the others; of several newcomers one after another, the same prompt once. */
  #prefill(): void {
    const unread = [...this.#sequences].filter(([, sequence]) => !isPrefilled(sequence))
    const newcomers = unread.filter(([, one], i) => !unread.slice(0, i).some(([, earlier]) => one.willCopy(earlier)))
    const next = newcomers.findIndex(([requestId]) => requestId > this.#lastPrefilled)
    const newcomer = newcomers[Math.max(0, next)]
    if (!newcomer) return
    const [requestId, sequence] = newcomer
    this.#lastPrefilled = requestId
    this.#run(requestId, sequence, (events) => {
      const isComplete = sequence.prefill()
      const { promptProgress, promptLogprobs } = sequence.prepared
      if (promptProgress || promptLogprobs !== undefined) events.push(sequence.promptProgress)
      if (isComplete) sequence.start(events)
    })
  }

  /** Lets a sequence act, collects its events and frees its sequence id when it has ended. */
  #run(requestId: number, sequence: Sequence, act: (events: GenerateEvent[]) => void): void {
    const events: GenerateEvent[] = []
    let failure: { error: unknown } | undefined
    try {
      act(events)
    } catch (error) {
      failure = { error }
    }
    for (const event of events) this.#events.push({ requestId, event })
    if (failure) this.#fail(requestId, failure.error)
    else if (sequence.result) this.#free(requestId)
  }

  #fail(requestId: number, error: unknown): void {
    this.#sequences.get(requestId)?.dispose()
    this.#free(requestId)
    this.#events.push({ requestId, error })
  }

  #free(requestId: number): void {
    const sequence = this.#sequences.get(requestId)
    if (!sequence) return
    this.#sequences.delete(requestId)
    this.#freeSequenceIds.push(sequence.sequenceId)
  }
}

function startEvent({ definition, protect, promptTokens, bound, maxTokens, seed }: PreparedRequest): StartEvent {
  return {
    type: 'start',
    policy: definition.name,
    protect,
    promptTokens: promptTokens.length,
    maxTokens,
    seed,
    budget: bound?.budget ?? null,
    localWindow: bound?.localWindow ?? null,
    ratio: bound?.ratio ?? null,
    evictEvery: bound?.evictEvery ?? null,
    leaving: bound?.plan.leaving ?? null,
  }
}

function isPrefilled(sequence: Sequence): boolean {
  return sequence.prefilled === sequence.prepared.promptTokens.length
}

/** Each sequence's conversation, and some that have paused. */
function mostPrompts({ sequences }: ForwardPass): number {
  return 4 * sequences
}
