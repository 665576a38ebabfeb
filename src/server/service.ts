/**
 * Generations for clients: they wait for a slot, run in the engine, are tried once more if the engine dies before they said
 * anything, and end when nobody wants them any more.
 */
import { EngineError } from '../errors.ts'
import type { GenerateEvent, GenerateRequest, GenerateResult } from '../engine/types.ts'
import { Admission } from './admission.ts'
import { clientLeft } from './reply.ts'
import { ApiError, apiErrorOf } from './api-error.ts'
import type { HostCall, HostCalls } from './engine-messages.ts'
import type { EngineBackend } from './engine-process.ts'
import { isOf, newJob, notBegun, note, type Job, type JobEnd, type JobRequest } from './job.ts'

export interface ServiceSettings {
  readonly slots: number
  readonly mostWaiting: number
  readonly queueTimeoutMs: number
  /** Longest generation, from its slot on; it ends there, as at its most tokens. Default: none. */
  readonly requestTimeoutMs?: number | undefined
}

export interface ServiceHooks {
  readonly onEnd?: ((end: JobEnd) => void) | undefined
  readonly onEvent?: ((job: Job, event: GenerateEvent) => void) | undefined
}

/** Who waits for the answer to a question. */
export interface Asker {
  /** Aborted when nobody wants to know any more. */
  readonly signal: AbortSignal
  /** The engine is being started again: nothing comes for a while. */
  readonly onWait?: () => void
}

/** A question of no generation waits so long for an engine that is started again. */
const patienceMs = 10_000

export class GenerationService {
  readonly #backend: EngineBackend
  readonly #settings: ServiceSettings
  readonly #hooks: ServiceHooks
  readonly #admission: Admission<Job>
  readonly #slots: (Job | undefined)[]
  #isDraining = false

  constructor(backend: EngineBackend, settings: ServiceSettings, hooks: ServiceHooks = {}) {
    this.#backend = backend
    this.#settings = settings
    this.#hooks = hooks
    this.#admission = new Admission(settings)
    this.#slots = Array.from({ length: settings.slots }, () => undefined)
  }

  /** The jobs in the slots; undefined: the slot is free. */
  get slots(): readonly (Job | undefined)[] {
    return this.#slots
  }

  get waiting(): readonly Job[] {
    return this.#admission.waiting
  }

  get isDraining(): boolean {
    return this.#isDraining
  }

  /**
   * Asks the engine; waits while it is being started again, and asks once more if it dies over it.
   * @param asker without one it waits for a while only
   * @throws ApiError
   */
  async ask<N extends HostCall>(
    type: N,
    message: HostCalls[N]['message'],
    asker?: Asker,
  ): Promise<HostCalls[N]['reply']> {
    const deadline = performance.now() + Math.min(patienceMs, this.#settings.queueTimeoutMs)
    const isLate = () => (asker ? asker.signal.aborted : performance.now() > deadline)
    for (let attempt = 1; ; attempt++) {
      this.#checkOpen()
      if (this.#backend.state !== 'ready') asker?.onWait?.()
      await this.#untilReady(isLate)
      try {
        return await this.#backend.ask(type, message)
      } catch (error) {
        if (attempt > 1 || !hasDied(error)) throw apiErrorOf(error)
      }
    }
  }

  /**
   * Takes generations of one client: all of them or none. Each waits for `settle`, and then for a slot.
   * @throws ApiError `queue_full`, `too_many_requests_of_yours`, `loading`, `draining`
   */
  submit(client: string, requests: readonly JobRequest[]): Job[] {
    this.#checkOpen()
    const jobs = requests.map((request) => newJob(client, request))
    this.#admission.enqueue(client, jobs)
    for (const job of jobs) this.#limitWaiting(job)
    return jobs
  }

  /** What the engine is to do of each job: from now on they may have slots. */
  settle(jobs: readonly Job[], requests: readonly GenerateRequest[]): void {
    for (const [i, job] of jobs.entries()) job.request = requests[i]
    this.dispatch()
  }

  /** Takes back what was never settled: it was no generation, and nothing is told of it. */
  withdraw(jobs: readonly Job[]): void {
    for (const job of jobs.filter(({ ended }) => !ended)) {
      job.ended = true
      clearTimeout(job.lateTimer)
      this.#free(job)
    }
  }

  /**
   * Ends a generation that nobody wants any more; nothing more is told of it.
   * @param hasLeft its client, which is counted
   */
  cancel(job: Job, hasLeft: boolean): void {
    if (job.ended) return
    job.ended = true
    clearTimeout(job.lateTimer)
    if (job.slot === undefined) this.#free(job)
    // A running one has its slot until the engine has let go of it.
    else this.#backend.cancel(job.id)
    this.#hooks.onEnd?.({ job, error: clientLeft(), hasLeft })
  }

  /**
   * Ends the thinking of the running generations of a completion of this client.
   * @returns whether there were any that may think
   */
  endThinking(client: string, completion: string): boolean {
    const jobs = this.#slots.filter(isOf(client, completion)).filter(({ phase }) => phase !== 'answer')
    for (const { id } of jobs) this.#backend.endThinking(id)
    return jobs.length > 0
  }

  /**
   * Cancels the generations of a completion of this client: what runs ends with what came by then, and what waits beside it with nothing;
   * a completion that only waits ends with an error.
   * @returns whether there were any
   */
  cancelCompletion(client: string, completion: string): boolean {
    const running = this.#slots.filter(isOf(client, completion))
    const waiting = this.#admission.waiting.filter(isOf(client, completion))
    for (const job of [...running, ...waiting]) job.isCancelled = true
    for (const { id } of running) this.#backend.cancel(id)
    for (const job of waiting) {
      if (running.length > 0 && job.request) this.#submitCancelled(job, job.request)
      else this.#end(job, { error: new ApiError(499, 'cancelled', 'it was cancelled in the queue') })
    }
    return running.length + waiting.length > 0
  }

  /** Fills free slots. To be called when the engine has become ready, too. */
  dispatch(): void {
    while (this.#backend.state === 'ready' && !this.#isDraining) {
      const slot = this.#slots.indexOf(undefined)
      const job = slot < 0 ? undefined : this.#admission.next(({ request }) => request !== undefined)
      if (!job?.request) break
      this.#slots[slot] = job
      job.slot = slot
      clearTimeout(job.lateTimer)
      job.startedAt = performance.now()
      job.phase = 'prompt'
      this.#limitRunning(job)
      this.#submit(job, job.request)
    }
    this.#tellPositions()
  }

  #submit(job: Job, request: GenerateRequest): void {
    this.#backend.submit(job.id, request, {
      onEvent: (event) => this.#receive(job, event),
      onError: (error) => this.#fail(job, error),
    })
  }

  /** The engine ends it before its first token, and takes no cells for it. */
  #submitCancelled(job: Job, request: GenerateRequest): void {
    clearTimeout(job.lateTimer)
    this.#admission.remove(job)
    this.#submit(job, request)
    this.#backend.cancel(job.id)
  }

  #limitWaiting(job: Job): void {
    job.lateTimer = setTimeout(() => {
      this.#end(job, { error: new ApiError(503, 'queue_timeout', 'no slot became free in time', { retryAfter: 10 }) })
    }, this.#settings.queueTimeoutMs)
  }

  /** Ends it when its time is up; what came by then is its answer. */
  #limitRunning(job: Job): void {
    const { requestTimeoutMs } = this.#settings
    if (requestTimeoutMs === undefined) return
    job.lateTimer = setTimeout(() => {
      job.hasTimedOut = true
      this.#backend.cancel(job.id)
    }, requestTimeoutMs)
  }

  #tellPositions(): void {
    for (const [position, job] of this.#admission.order.entries()) {
      if (job.toldPosition === position || job.request === undefined) continue
      job.toldPosition = position
      job.listener.onQueued?.(position)
    }
  }

  /** Takes nothing new; what waits is refused, what runs may end until `timeoutMs` have passed. */
  async drain(timeoutMs: number): Promise<void> {
    this.#isDraining = true
    for (const job of this.#admission.waiting) this.#end(job, { error: drainingError() })
    const deadline = performance.now() + timeoutMs
    while (this.#admission.running.length > 0 && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    for (const job of this.#admission.running) this.#end(job, { error: drainingError() })
  }

  #checkOpen(): void {
    if (this.#isDraining) throw drainingError()
    if (this.#backend.state !== 'loading') return
    throw new ApiError(503, 'loading', 'the model is being loaded', { retryAfter: 1 })
  }

  async #untilReady(isLate: () => boolean): Promise<void> {
    while (this.#backend.state !== 'ready') {
      if (this.#isDraining) throw drainingError()
      if (isLate()) {
        throw new ApiError(503, 'engine_restarting', 'the engine is being started again', { retryAfter: 1 })
      }
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  #receive(job: Job, event: GenerateEvent): void {
    note(job, event)
    if (event.type === 'finish') {
      const { result } = event
      this.#end(job, { result: job.hasTimedOut ? { ...result, finishReason: 'length' } : result })
      this.#free(job)
      return
    }
    if (job.ended) return
    this.#hooks.onEvent?.(job, event)
    job.listener.onEvent(event)
  }

  #fail(job: Job, error: Error): void {
    const died = hasDied(error)
    if (died) job.deaths++
    if (died && job.deaths === 1 && !job.ended && !job.isCancelled && !this.#isDraining && job.listener.onRestart()) {
      if (job.slot !== undefined) this.#slots[job.slot] = undefined
      clearTimeout(job.lateTimer)
      Object.assign(job, notBegun())
      this.#admission.enqueueAgain(job.client, job)
      this.#limitWaiting(job)
      return
    }
    this.#end(job, { error: apiErrorOf(error) })
    this.#free(job)
  }

  #end(job: Job, { result, error }: { result?: GenerateResult; error?: ApiError }): void {
    if (job.ended) return
    job.ended = true
    clearTimeout(job.lateTimer)
    if (job.slot === undefined) this.#free(job)
    else if (!result) this.#backend.cancel(job.id)
    this.#hooks.onEnd?.({ job, ...(result ? { result } : {}), ...(error ? { error } : {}) })
    if (result) job.listener.onEvent({ type: 'finish', result })
    else job.listener.onError(error ?? apiErrorOf(undefined))
  }

  #free(job: Job): void {
    const ranSeconds = job.startedAt === undefined ? undefined : (performance.now() - job.startedAt) / 1000
    if (job.slot !== undefined && this.#slots[job.slot] === job) this.#slots[job.slot] = undefined
    this.#admission.remove(job, ranSeconds)
    this.dispatch()
  }
}

function hasDied(error: unknown): boolean {
  return error instanceof EngineError && error.code === 'engine_died'
}

function drainingError(): ApiError {
  return new ApiError(503, 'draining', 'the server is about to stop', { retryAfter: 5 })
}
