/** A generation on its way through the server: who wants it, and how far it is. */
import type { GenerateEvent, GenerateRequest, GenerateResult } from '../engine/types.ts'
import type { ApiError } from './api-error.ts'

/** Receives what happens to one generation. After `onError`, or the event `finish`, nothing more comes. */
export interface JobListener {
  onEvent(event: GenerateEvent): void
  onError(error: ApiError): void
  /** The engine has died: whether it can begin anew, nothing of it having reached the client. */
  onRestart(): boolean
  /** How many wait before it: told when it has to wait, and whenever that changes. */
  onQueued?(position: number): void
}

export type JobPhase = 'queued' | 'prompt' | 'thinking' | 'answer'

/** A generation on its way. */
export interface Job {
  readonly id: string
  readonly client: string
  /** Of the HTTP request. */
  readonly requestId: string | undefined
  /** Undefined until it is settled what the engine is to do; it keeps its place in the queue meanwhile. */
  request: GenerateRequest | undefined
  readonly listener: JobListener
  /** When its request came. */
  readonly arrivedAt: number
  /** Anew when the engine has died over it. */
  enqueuedAt: number
  startedAt: number | undefined
  firstTokenAt: number | undefined
  phase: JobPhase
  promptTokens: number
  /** How many of them were copied. */
  cachedTokens: number
  generatedTokens: number
  cells: number
  policy: string
  budget: number | null
  slot: number | undefined
  deaths: number
  /** How many waited before it when its client was told last. */
  toldPosition: number | undefined
  /** Ends it if it waits too long. */
  lateTimer: NodeJS.Timeout | undefined
  /** Whether its time was up. */
  hasTimedOut: boolean
  /** Whether it was cancelled by its id: it does not begin anew. */
  isCancelled: boolean
  /** Once its end was told. */
  ended: boolean
}

/** What a generation is made of. */
export interface JobRequest {
  readonly id: string
  /** Of the HTTP request. */
  readonly requestId?: string
  /** When the HTTP request came, by `performance.now`. Default: now. */
  readonly arrivedAt?: number
  readonly listener: JobListener
}

export interface JobEnd {
  readonly job: Job
  readonly result?: GenerateResult
  readonly error?: ApiError
  /** Whether it ended because its client left. */
  readonly hasLeft?: boolean
}

export function newJob(client: string, { id, requestId, arrivedAt, listener }: JobRequest): Job {
  const begun = notBegun()
  return {
    ...{ id, client, requestId, request: undefined, listener, arrivedAt: arrivedAt ?? begun.enqueuedAt },
    ...begun,
    ...{ promptTokens: 0, policy: '', budget: null, deaths: 0, ended: false, hasTimedOut: false, isCancelled: false },
    ...{ lateTimer: undefined, toldPosition: undefined },
  }
}

/** What is so as long as it has no slot, also when it has lost one. */
export function notBegun() {
  return {
    ...{ enqueuedAt: performance.now(), startedAt: undefined, firstTokenAt: undefined, slot: undefined },
    ...{ phase: 'queued' as const, cachedTokens: 0, generatedTokens: 0, cells: 0 },
  }
}

/** Notes how far it is. */
export function note(job: Job, event: GenerateEvent): void {
  if (event.type === 'start') {
    job.promptTokens = event.promptTokens
    job.policy = event.policy
    job.budget = event.budget
  } else if (event.type === 'prompt') job.cachedTokens = event.cached
  else if (event.type === 'token') {
    job.firstTokenAt ??= performance.now()
    job.phase = event.phase
    job.cells = event.cells
    if (event.token !== null) job.generatedTokens++
  }
}

/** Of one of several choices, behind its completion's id. */
const choiceNumber = /-\d{1,4}$/

/** Whether it belongs to a completion of this client, and has not ended. */
export function isOf(client: string, completion: string) {
  return (job: Job | undefined): job is Job =>
    job?.client === client && [job.id, job.id.replace(choiceNumber, '')].includes(completion) && !job.ended
}
