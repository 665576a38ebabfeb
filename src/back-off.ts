/**
 * Tries work again that failed for a reason that may pass: longer waits each time, with some chance in them so that many who
 * wait do not come back together.
 */
import { setTimeout as sleep } from 'node:timers/promises'

/** A failure that may pass. */
export class PassingFailure extends Error {
  /** Milliseconds that the other side asked to wait. */
  readonly waitMs: number
  /** The most tries again that make sense. */
  readonly mostRetries: number
  /** The other side is there: it is this piece of work that it fails at, and others may succeed. */
  readonly isAnswer: boolean

  constructor(
    message: string,
    options: ErrorOptions & { waitMs?: number; mostRetries?: number; isAnswer?: boolean } = {},
  ) {
    super(message, options)
    this.name = 'PassingFailure'
    this.waitMs = options.waitMs ?? 0
    this.mostRetries = options.mostRetries ?? Infinity
    this.isAnswer = options.isAnswer ?? false
  }
}

export interface Retry {
  /** What failed. */
  readonly reason: string
  /** From 1. */
  readonly retry: number
  readonly retries: number
  readonly waitMs: number
}

export interface BackOffOptions {
  /** How many times failed work is tried again. */
  readonly retries: number
  readonly signal?: AbortSignal | undefined
  readonly onRetry?: ((retry: Retry) => void) | undefined
  /** Milliseconds before the first retry; doubles with each, up to a minute. */
  readonly firstMs?: number | undefined
  /** How far the work is, in any unit. As long as a try takes it further, the retries are counted anew. */
  readonly progress?: (() => number) | undefined
}

const longestMs = 60_000

/**
 * Runs `work` until it succeeds.
 * @throws PassingFailure when the tries are used up; whatever else `work` throws, at once; AbortError
 */
export async function withBackOff<T>(options: BackOffOptions, work: () => Promise<T>): Promise<T> {
  const { retries, signal, onRetry, firstMs = 500, progress = () => 0 } = options
  for (let retry = 1, reached = progress(); ; retry++) {
    try {
      return await work()
    } catch (error) {
      signal?.throwIfAborted()
      if (progress() > reached) retry = 1
      reached = progress()
      if (!(error instanceof PassingFailure) || retry > Math.min(retries, error.mostRetries)) throw error
      const doubled = Math.min(longestMs, firstMs * 2 ** (retry - 1))
      const waitMs = Math.max(error.waitMs, doubled * (0.75 + Math.random() / 2))
      onRetry?.({ reason: error.message, retry, retries, waitMs })
      await sleep(waitMs, undefined, signal && { signal })
    }
  }
}
