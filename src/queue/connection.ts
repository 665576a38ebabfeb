/**
 * The way to a Redis (or Valkey) server: what an address may look like, that the server answers, and the one queue that all
 * runs on it share. BullMQ is loaded only when a queue is wanted.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type * as Bullmq from 'bullmq'
import { InputError } from '../errors.ts'

/** One queue for all runs: a worker serves whatever comes. */
export const queueName = 'jobs'
/** In front of all keys in Redis. */
const keyPrefix = 'dynts'

const answerWithinMs = 5000
const longestRetryMs = 2000
/** BullMQ writes every result into its stream of events as well; nobody reads that here. */
const keptEvents = 10

export type JobsQueue = Bullmq.Queue<unknown, unknown>

/** @throws InputError `queue_not_installed`: BullMQ is an optional dependency */
export async function loadBullmq(): Promise<typeof Bullmq> {
  try {
    return await import('bullmq')
  } catch (cause) {
    throw new InputError('queue_not_installed', '`queue` needs the package bullmq: npm install bullmq', { cause })
  }
}

/**
 * The address without user and password, for messages.
 * @throws InputError `invalid_queue`
 */
export function describeQueue(address: string): string {
  const url = URL.canParse(address) ? new URL(address) : undefined
  const isKnown = url?.protocol === 'redis:' || url?.protocol === 'rediss:'
  if (!url || !isKnown || url.hostname === '' || !/^\/?\d*$/.test(url.pathname)) {
    throw new InputError(
      'invalid_queue',
      '`queue` must be redis://HOST:PORT/DATABASE, or rediss:// for TLS; user and password go in front of the host: redis://USER:PASSWORD@HOST',
    )
  }
  return `${url.protocol}//${url.host}${url.pathname === '/' ? '' : url.pathname}`
}

/**
 * How BullMQ finds the server.
 * @param retries of a command while the connection is down; null: until it is up again
 */
export function queueOptions(address: string, retries: number | null): Bullmq.QueueOptions {
  return {
    prefix: keyPrefix,
    connection: {
      url: address,
      connectTimeout: answerWithinMs,
      maxRetriesPerRequest: retries,
      retryStrategy: (attempt: number) => Math.min(250 * attempt, longestRetryMs),
    },
    streams: { events: { maxLen: keptEvents } },
  }
}

/**
 * Opens the queue of a server that answers.
 * @throws InputError `invalid_queue`, `queue_not_installed`, `queue_unreachable` if there is no answer within 5 seconds
 */
export async function openQueue(address: string): Promise<JobsQueue> {
  const shown = describeQueue(address)
  const { Queue } = await loadBullmq()
  const options = queueOptions(address, 1)
  // A connection of its own, that gives up: the others try again for ever.
  const once = { ...firstOnly, url: address }
  const probe: JobsQueue = new Queue(queueName, { ...options, connection: once })
  let reason: unknown
  probe.on('error', (error) => (reason ??= error))
  try {
    await probe.waitUntilReady()
  } catch (error) {
    throw new InputError(
      'queue_unreachable',
      `There is no Redis server to be reached at ${shown}: ${connectionFailure(reason ?? error)}. Check \`queue\`, and that the server runs.`,
      { cause: error },
    )
  } finally {
    await release(probe)
  }
  return new Queue(queueName, options)
}

const firstOnly = {
  connectTimeout: answerWithinMs,
  // There are three before it is ready.
  commandTimeout: Math.floor(answerWithinMs / 3),
  maxRetriesPerRequest: 0,
  retryStrategy: () => null,
}

/** Whether the server answers now, so that waiting for it makes sense. */
export async function answers(queue: JobsQueue): Promise<boolean> {
  return await fulfilledWithin(
    answerWithinMs,
    queue.client.then((client) => client.info()),
  )
}

/** Ends a connection, whatever its state: BullMQ waits for ever for the end of one that is down already. */
export async function release(queue: Pick<JobsQueue, 'disconnect'>): Promise<void> {
  await fulfilledWithin(releaseWithinMs, queue.disconnect())
}

const releaseWithinMs = 1000

/** Whether a promise is fulfilled in time; what else becomes of it does not matter. */
export async function fulfilledWithin(ms: number, promise: Promise<unknown>): Promise<boolean> {
  const late = new AbortController()
  const fulfilled = promise.then(
    () => true,
    () => false,
  )
  const over = sleep(ms, false, { signal: late.signal }).catch(() => false)
  try {
    return await Promise.race([fulfilled, over])
  } finally {
    late.abort()
  }
}

export function connectionFailure(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  // Several addresses of one host fail together, without a message of their own.
  const { message, code } = error as NodeJS.ErrnoException
  return (message || code || error.name).replace(/\.$/, '')
}
