/** The server, as the page asks it. */
import type { CacheResult, RunEnd, RunEvent } from './protocol.ts'
import { readEvents } from './sse.ts'
import { streamBytes } from './stream-bytes.ts'
import { onWake } from './wake.ts'

/** A policy that requests may name. */
export interface PolicyFacts {
  readonly name: string
  readonly summary: string
  readonly evicts: boolean
  readonly protects_question: boolean
  readonly protects_local_window: boolean
  readonly has_scores: boolean
}

/** Of GET /props, what the page shows. */
export interface ServerFacts {
  readonly default_generation_settings: {
    readonly params: {
      readonly temperature: number
      readonly top_p: number
      readonly top_k: number
      readonly max_tokens: number
    }
  }
  readonly model_alias: string
  readonly model_path: string
  readonly build_info: string
  readonly dynts: {
    readonly policy: string
    readonly budget: number | null
    readonly local_window: number | null
    readonly ratio: number | null
    readonly evict_every: number | null
    readonly cells: number | null
    readonly bytes_per_cell: number | null
    readonly policies: readonly PolicyFacts[]
    readonly predictor: object | null
  }
}

/** What the server refused, or could not do. */
export class ServerError extends Error {
  readonly status: number
  readonly code: string
  /** The field that is wrong. */
  readonly param: string | undefined
  /** When to ask again, in seconds. */
  readonly retryAfter: number | undefined
  /** Of a prompt that does not fit: its tokens. */
  readonly promptTokens: number | undefined

  constructor(message: string, { status, code, param, retryAfter, promptTokens }: ServerFailure) {
    super(message)
    this.status = status
    this.code = code
    this.param = param
    this.retryAfter = retryAfter
    this.promptTokens = promptTokens
  }
}

interface ServerFailure {
  readonly status: number
  readonly code: string
  readonly param?: string | undefined
  readonly retryAfter?: number | undefined
  readonly promptTokens?: number | undefined
}

interface ErrorBody {
  readonly error?: {
    readonly message: string
    readonly code: string
    readonly param?: string | null
    readonly n_prompt_tokens?: number | string
  }
}

/** How much of the prompt is read, in tokens. */
export interface PromptProgress {
  readonly total: number
  readonly processed: number
}

interface Chunk extends ErrorBody {
  readonly id?: string
  readonly choices?: readonly {
    readonly delta?: { readonly content?: string | null }
    readonly finish_reason?: RunEnd['finish'] | null
  }[]
  readonly dynts?: RunEvent | CacheResult
  readonly prompt_progress?: PromptProgress
  readonly usage?: RunEnd['usage'] | null
  readonly timings?: { readonly predicted_per_second: number }
}

const keyName = 'dynts-key'

export function saveKey(key: string): void {
  sessionStorage.setItem(keyName, key)
}

/** What comes of a request while it runs. */
export interface RunListener {
  onId(id: string): void
  onEvent(event: RunEvent): void
  onProgress(progress: PromptProgress): void
  onAnswer(text: string): void
  /** When the connection is lost, and when there is one again. */
  onConnected(isConnected: boolean): void
}

/** @throws ServerError */
export async function serverFacts(): Promise<ServerFacts> {
  return (await (await ask('/props')).json()) as ServerFacts
}

export interface Health {
  readonly status: 'ok' | 'loading' | 'restarting' | 'draining' | 'gone'
  /** Share of the model that is loaded. */
  readonly progress?: number
}

export async function health(): Promise<Health> {
  try {
    return (await (await fetch('/health')).json()) as Health
  } catch {
    return { status: 'gone' }
  }
}

/** Whether the request can be carried out, without doing so. @returns the tokens of its prompt @throws ServerError */
export async function checkRequest(body: object, signal: AbortSignal): Promise<number> {
  const response = await ask('/v1/chat/completions/input_tokens', { body, signal })
  return ((await response.json()) as { readonly input_tokens: number }).input_tokens
}

export async function endThinking(id: string): Promise<void> {
  await ask('/v1/chat/completions/control', { body: { id, action: 'end_thinking' } })
}

export interface RunRequest {
  /** By which the stream is found again. */
  readonly conversation: string
  /** Undefined: it was asked before. */
  readonly body?: object | undefined
}

/**
 * Runs a request to its end, across as many connections as it takes.
 * @throws ServerError; whatever `signal` is aborted with
 */
export async function run(
  { conversation, body }: RunRequest,
  listener: RunListener,
  signal: AbortSignal,
): Promise<RunEnd> {
  const source = {
    begin: body && ((one: AbortSignal) => begin(conversation, body, one)),
    resume: (from: number, one: AbortSignal) => ask(`${streamPath(conversation)}&from=${from}`, { signal: one }),
    mayPass: (error: unknown) => error instanceof ServerError && [0, 502, 504].includes(error.status),
    isUnknown: (error: unknown) => error instanceof ServerError && error.status === 404,
    onWake,
    onConnected: (isConnected: boolean) => listener.onConnected(isConnected),
  }
  let finish: RunEnd['finish'] = 'stop'
  let id: string | undefined
  for await (const data of readEvents(streamBytes(source, signal))) {
    if (data === '[DONE]') break
    const chunk = JSON.parse(data) as Chunk
    if (chunk.error) throw failureOf(chunk, 500)
    if (chunk.id !== undefined && chunk.id !== id) listener.onId((id = chunk.id))
    if (chunk.prompt_progress) listener.onProgress(chunk.prompt_progress)
    const [choice] = chunk.choices ?? []
    if (typeof choice?.delta?.content === 'string' && choice.delta.content !== '')
      listener.onAnswer(choice.delta.content)
    if (choice?.finish_reason) finish = choice.finish_reason
    if (chunk.dynts && 'type' in chunk.dynts) listener.onEvent(chunk.dynts)
    else if (chunk.dynts && chunk.usage) {
      return {
        cache: chunk.dynts,
        usage: chunk.usage,
        finish,
        tokensPerSecond: chunk.timings?.predicted_per_second ?? 0,
      }
    }
  }
  throw new ServerError('the stream ended without its last part: what came stays here', { status: 0, code: 'cut' })
}

async function begin(conversation: string, body: object, signal: AbortSignal): Promise<Response> {
  const whole = { ...body, stream: true, stream_options: { include_usage: true } }
  return await ask('/v1/chat/completions', { body: whole, signal, headers: { 'x-conversation-id': conversation } })
}

/**
 * Ends a stream and forgets it, whether or not anybody reads it.
 * @param unreadSeconds it is left to who reads it after so long
 * @returns false: the server cannot be reached
 */
export async function cancelStream(conversation: string, unreadSeconds?: number): Promise<boolean> {
  const grace = unreadSeconds === undefined ? '' : `&unread_for=${unreadSeconds}`
  try {
    // It must come through when the page is left as well.
    await ask(streamPath(conversation) + grace, { method: 'DELETE', keepalive: true })
    return true
  } catch (error) {
    return error instanceof ServerError && error.status > 0
  }
}

function streamPath(conversation: string): string {
  return `/v1/stream?conv_id=${encodeURIComponent(conversation)}`
}

interface Sent {
  readonly body?: object
  readonly headers?: Readonly<Record<string, string>>
  readonly method?: 'DELETE'
  readonly signal?: AbortSignal
  readonly keepalive?: boolean
}

async function ask(path: string, { body, headers, ...given }: Sent = {}): Promise<Response> {
  const key = sessionStorage.getItem(keyName)
  const authorization = key === null ? {} : { authorization: `Bearer ${key}` }
  const posted = body ? { method: 'POST', body: JSON.stringify(body) } : {}
  const { signal } = given
  let response: Response
  try {
    response = await fetch(path, { headers: { ...headers, ...authorization }, ...posted, ...given })
  } catch (error) {
    if (signal?.aborted) throw error
    throw new ServerError('the server cannot be reached', { status: 0, code: 'connection_lost' })
  }
  if (response.ok) return response
  const told = (await response.json().catch(() => ({}))) as ErrorBody
  throw failureOf(told, response.status, Number(response.headers.get('retry-after') ?? NaN))
}

function failureOf({ error }: ErrorBody, status: number, retryAfter = NaN): ServerError {
  const { message = `the server answered ${status}`, code = 'unknown', param, n_prompt_tokens: tokens } = error ?? {}
  return new ServerError(message, {
    status,
    code,
    param: param ?? undefined,
    retryAfter: Number.isFinite(retryAfter) ? retryAfter : undefined,
    promptTokens: typeof tokens === 'number' ? tokens : undefined,
  })
}
