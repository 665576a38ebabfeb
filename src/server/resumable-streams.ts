/** Streams that go on when their client has left, by the ids that clients gave them; each is kept for a while after its end. */
import { ApiError, quoted } from './api-error.ts'
import { ByteLog } from './byte-log.ts'

export interface ResumableLimits {
  readonly mostStreams: number
  /** Of each. */
  readonly mostBytes: number
  /** How long one is kept after its end. */
  readonly keptMs: number
}

const resumableLimits: ResumableLimits = { mostStreams: 32, mostBytes: 4 * 2 ** 20, keptMs: 10 * 60_000 }

interface Entry {
  readonly client: string
  readonly log: ByteLog
  /** Ends the generation, and the log with it. */
  readonly cancel: () => void
  /** Forgets it. */
  expiry: NodeJS.Timeout | undefined
  /** Cancels it if nobody reads it by then. */
  unread: NodeJS.Timeout | undefined
}

export class ResumableStreams {
  readonly #limits: ResumableLimits
  /** In the order of their ends, those that run at the places where they began. */
  readonly #entries = new Map<string, Entry>()

  constructor(limits: ResumableLimits = resumableLimits) {
    this.#limits = limits
  }

  /**
   * A stream of this client and id; an earlier one of both is cancelled and forgotten. Of those that have ended, one makes room if need be.
   * @param cancel ends what writes into it, and `end`s it
   * @throws ApiError `queue_full` if too many run
   */
  open(client: string, id: string, cancel: () => void): ByteLog {
    this.cancel(client, id)
    this.#makeRoom()
    const log = new ByteLog(this.#limits.mostBytes)
    this.#entries.set(keyOf(client, id), { client, log, cancel, expiry: undefined, unread: undefined })
    return log
  }

  /** What was opened has come to nothing. */
  close(client: string, id: string, log: ByteLog): void {
    if (this.find(client, id) === log) this.#forget(keyOf(client, id))
  }

  /** What was opened has come to its end. */
  end(client: string, id: string, log: ByteLog): void {
    log.end()
    const key = keyOf(client, id)
    const entry = this.#entries.get(key)
    if (entry?.log !== log || entry.expiry) return
    entry.expiry = setTimeout(() => this.#forget(key), this.#limits.keptMs).unref()
    this.#entries.delete(key)
    this.#entries.set(key, entry)
  }

  find(client: string, id: string): ByteLog | undefined {
    return this.#entries.get(keyOf(client, id))?.log
  }

  /** Cancels one that runs, and forgets it. @returns whether there was one */
  cancel(client: string, id: string): boolean {
    const entry = this.#entries.get(keyOf(client, id))
    if (!entry) return false
    if (!entry.log.isEnded) entry.cancel()
    this.#forget(keyOf(client, id))
    return true
  }

  /** Cancels it in so long, if it runs and nobody reads it then. @returns whether there is one */
  cancelUnlessRead(client: string, id: string, ms: number): boolean {
    const entry = this.#entries.get(keyOf(client, id))
    if (!entry) return false
    clearTimeout(entry.unread)
    entry.unread = setTimeout(() => {
      if (!entry.log.isEnded && !entry.log.isRead) this.cancel(client, id)
    }, ms).unref()
    return true
  }

  /** Bytes of memory that all of them hold. */
  get heldBytes(): number {
    return [...this.#entries.values()].reduce((sum, { log }) => sum + log.heldBytes, 0)
  }

  /** Of those that have ended, the oldest of the client that has the most of them leaves. */
  #makeRoom(): void {
    if (this.#entries.size < this.#limits.mostStreams) return
    const ended = [...this.#entries].filter(([, { expiry }]) => expiry)
    const counts = new Map<string, number>()
    for (const [, { client }] of ended) counts.set(client, (counts.get(client) ?? 0) + 1)
    const most = Math.max(...counts.values())
    const leaving = ended.find(([, { client }]) => counts.get(client) === most)
    if (leaving) {
      this.#forget(leaving[0])
      return
    }
    const message = `${this.#entries.size} streams with an X-Conversation-Id run already: come again, or ask without one`
    throw new ApiError(429, 'queue_full', message, { retryAfter: 10 })
  }

  #forget(key: string): void {
    const entry = this.#entries.get(key)
    clearTimeout(entry?.expiry)
    clearTimeout(entry?.unread)
    this.#entries.delete(key)
    entry?.log.drop()
  }
}

/** An id has no space. */
function keyOf(client: string, id: string): string {
  return `${client} ${id}`
}

/**
 * An id as clients give it.
 * @param param where it was given
 * @throws ApiError `missing_field`, `invalid_value`
 */
export function conversationId(given: string | null, param: string): string {
  if (given === null) throw new ApiError(400, 'missing_field', `${param} is missing`, { param })
  if (/^[\x21-\x7e]{1,128}$/.test(given)) return given
  const message = `${param} must be 1 to 128 characters of ASCII without spaces, not ${quoted(given)}`
  throw new ApiError(400, 'invalid_value', message, { param })
}

const mostUnreadSeconds = 600

/**
 * How long one waits for a reader, in seconds.
 * @throws ApiError `invalid_value`
 */
export function unreadSeconds(given: string): number {
  const seconds = /^\d{1,4}$/.test(given) ? Number(given) : NaN
  if (seconds <= mostUnreadSeconds) return seconds
  const message = `unread_for must be a whole number of seconds from 0 to ${mostUnreadSeconds}, not ${quoted(given)}`
  throw new ApiError(400, 'invalid_value', message, { param: 'unread_for' })
}

/**
 * An offset in bytes into a stream.
 * @throws ApiError `invalid_value` for what is no offset, is not there any more, or is not there yet
 */
export function offsetIn({ start, size }: ByteLog, given: string | null): number {
  const text = given ?? '0'
  const offset = /^\d{1,15}$/.test(text) ? Number(text) : NaN
  if (offset >= start && offset <= size) return offset
  const message = `from must be a whole number from ${start} to ${size}, not ${quoted(text)}: there are these bytes of the stream`
  throw new ApiError(400, 'invalid_value', message, { param: 'from' })
}
