/**
 * Who waits for a slot, and who is next. It knows no engine: what a job is, is the caller's.
 */
import { ApiError } from './api-error.ts'

export interface AdmissionSettings {
  readonly slots: number
  /** The most that wait; of one client half of it, if others wait too. */
  readonly mostWaiting: number
}

interface Entry<Job> {
  readonly client: string
  readonly job: Job
}

/** The last so many durations say how long one waits. */
const rememberedDurations = 32

export class Admission<Job> {
  readonly #settings: AdmissionSettings
  readonly #waiting: Entry<Job>[] = []
  readonly #running = new Map<Job, string>()
  /** When a client was served last, by a count. */
  readonly #servedAt = new Map<string, number>()
  readonly #durations: number[] = []
  #served = 0

  constructor(settings: AdmissionSettings) {
    this.#settings = settings
  }

  get waiting(): readonly Job[] {
    return this.#waiting.map(({ job }) => job)
  }

  get running(): readonly Job[] {
    return [...this.#running.keys()]
  }

  /**
   * Lets jobs of one client wait: all of them or none.
   * @throws ApiError `queue_full`, `too_many_requests_of_yours`, with when to come again
   */
  enqueue(client: string, jobs: readonly Job[]): void {
    const { slots, mostWaiting } = this.#settings
    // Those that free slots are for will wait no longer than until they are ready.
    const free = slots - this.#running.size
    const own = this.#waiting.filter((entry) => entry.client === client).length
    const others = this.#waiting.length - own
    if (this.#waiting.length + jobs.length - free > mostWaiting) {
      throw new ApiError(429, 'queue_full', `${this.#waiting.length} generations wait already`, this.#comeAgain())
    }
    if (others > 0 && own + jobs.length - free > mostWaiting / 2) {
      throw new ApiError(
        429,
        'too_many_requests_of_yours',
        `${own} generations of yours wait already`,
        this.#comeAgain(),
      )
    }
    this.#waiting.push(...jobs.map((job) => ({ client, job })))
  }

  /** In front of all others: the engine died while it ran. */
  enqueueAgain(client: string, job: Job): void {
    this.#running.delete(job)
    this.#waiting.unshift({ client, job })
  }

  /**
   * The next to run of those that are ready, if a slot is free: of the client with the fewest running, among equals the one that was served longest ago, and
   * of that client the one that came first.
   */
  next(isReady: (job: Job) => boolean = () => true): Job | undefined {
    if (this.#running.size >= this.#settings.slots) return undefined
    const ready = this.#waiting.filter(({ job }) => isReady(job))
    const clients = new Set(ready.map(({ client }) => client))
    const chosen = fairest(clients, this.#runningOf(), this.#servedAt)
    const entry = ready.find(({ client }) => client === chosen)
    if (!entry) return undefined
    this.#waiting.splice(this.#waiting.indexOf(entry), 1)
    this.#running.set(entry.job, entry.client)
    this.#servedAt.set(entry.client, ++this.#served)
    return entry.job
  }

  /** Those that wait, in the order in which they would run as it stands: who comes later may still come before. */
  get order(): readonly Job[] {
    const queues = new Map<string, Job[]>()
    for (const { client, job } of this.#waiting) {
      const queue = queues.get(client) ?? []
      queue.push(job)
      queues.set(client, queue)
    }
    const [running, servedAt] = [this.#runningOf(), new Map(this.#servedAt)]
    return this.#waiting.flatMap((_, i) => {
      const client = fairest(queues.keys(), running, servedAt) ?? ''
      running.set(client, (running.get(client) ?? 0) + 1)
      servedAt.set(client, this.#served + 1 + i)
      const queue = queues.get(client) ?? []
      const job = queue.shift()
      if (queue.length === 0) queues.delete(client)
      return job === undefined ? [] : [job]
    })
  }

  #runningOf(): Map<string, number> {
    const counts = new Map<string, number>()
    for (const client of this.#running.values()) counts.set(client, (counts.get(client) ?? 0) + 1)
    return counts
  }

  /** The job has ended, or need not run any more. @param seconds that it ran; undefined: it says nothing of how long one waits */
  remove(job: Job, seconds?: number): void {
    const index = this.#waiting.findIndex((entry) => entry.job === job)
    if (index >= 0) this.#waiting.splice(index, 1)
    const client = this.#running.get(job)
    this.#running.delete(job)
    if (seconds !== undefined) this.#durations.push(seconds)
    if (this.#durations.length > rememberedDurations) this.#durations.shift()
    const isGone =
      ![...this.#running.values()].includes(client ?? '') && !this.#waiting.some((entry) => entry.client === client)
    // Clients come and go: of those without work the oldest are forgotten.
    if (isGone && this.#servedAt.size > 1024) this.#servedAt.delete(this.#servedAt.keys().next().value ?? '')
  }

  #comeAgain(): { retryAfter: number } {
    const mean = this.#durations.reduce((sum, one) => sum + one, 0) / Math.max(1, this.#durations.length)
    const seconds = Math.ceil((this.#waiting.length / this.#settings.slots) * mean)
    return { retryAfter: Math.min(60, Math.max(1, seconds)) }
  }
}

/** The client with the fewest running, among equals the one that was served longest ago. */
function fairest(
  clients: Iterable<string>,
  running: ReadonlyMap<string, number>,
  servedAt: ReadonlyMap<string, number>,
): string | undefined {
  const of = (counts: ReadonlyMap<string, number>, client: string) => counts.get(client) ?? 0
  let chosen: string | undefined
  for (const client of clients) {
    if (chosen === undefined) chosen = client
    else {
      const more = of(running, client) - of(running, chosen) || of(servedAt, client) - of(servedAt, chosen)
      if (more < 0) chosen = client
    }
  }
  return chosen
}
