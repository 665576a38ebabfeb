/**
 * Samples from any OpenAI-compatible server, through the `openai` package. What may pass is tried again; what will not
 * change by itself ends the run. Renders and tokenises nothing: the model's own file does that here.
 */
import OpenAI from 'openai'
import { z } from 'zod'
import { EngineError, InputError } from '../errors.ts'
import { never, type ExecuteOptions, type JobOutcome } from '../jobs/job.ts'
import type { ThinkingTags } from '../llama/index.ts'
import { PassingFailure, withBackOff, type Retry } from '../back-off.ts'
import { endpointUrl } from './endpoint-url.ts'
import { readCompletion, splitThinking } from './remote-answer.ts'
import { failureOf } from './remote-failure.ts'
import type { Sampled, TraceExecutor, TraceJob } from './trace-job.ts'

export interface RemoteOptions {
  /** e.g. `http://localhost:8000/v1`; without a path `/v1` is added. */
  readonly url: string
  /** The model's name there. Default: the only one that the server lists. */
  readonly model?: string | undefined
  readonly apiKey?: string | undefined
  /** Requests at the same time. */
  readonly parallel: number
  /** Milliseconds without a sign of life after which a request is given up. */
  readonly timeoutMs: number
  /** How many times a failed request is sent again. */
  readonly retries: number
  /** Of the model's own file. */
  readonly tags: ThinkingTags
  readonly signal?: AbortSignal | undefined
  readonly onRetry?: ((retry: Retry) => void) | undefined
  /** Milliseconds before the first retry. */
  readonly firstRetryMs?: number | undefined
}

const modelList = z.object({ data: z.array(z.object({ id: z.string() })) })

export class RemoteExecutor implements TraceExecutor {
  readonly endpointModel: string
  readonly parallel: number
  readonly #client: OpenAI
  readonly #options: RemoteOptions

  /**
   * Finds out the model's name; asks the server for it if none is given.
   * @throws InputError `invalid_endpoint`, `endpoint_refused`, `endpoint_model`; EngineError `endpoint_failed`
   */
  static async connect(options: RemoteOptions): Promise<RemoteExecutor> {
    const client = new OpenAI({
      baseURL: endpointUrl(options.url),
      apiKey: options.apiKey ?? 'none',
      organization: null,
      project: null,
      maxRetries: 0,
      // The request's own watch ends it earlier.
      timeout: options.timeoutMs * 2,
      logLevel: 'off',
    })
    const name = options.model ?? (await onlyModel(client, options))
    return new RemoteExecutor(client, name, options)
  }

  private constructor(client: OpenAI, name: string, options: RemoteOptions) {
    this.endpointModel = name
    this.parallel = options.parallel
    this.#client = client
    this.#options = options
  }

  /**
   * A request fails alone if the server refuses what it asks, or answers with nonsense or an error of its own.
   * @throws InputError for a wrong key, address or option, EngineError for a server that is gone
   */
  async execute(job: TraceJob, { signal }: Pick<ExecuteOptions, 'signal'>): Promise<JobOutcome<Sampled> | undefined> {
    try {
      return { kind: 'done', result: await this.#sample(job, signal) }
    } catch (error) {
      if (signal.aborted) return undefined
      const isOwn =
        (error instanceof InputError && error.code === 'request_refused') ||
        (error instanceof EngineError && error.cause instanceof PassingFailure && error.cause.isAnswer)
      if (isOwn) return { kind: 'failed', error }
      throw error
    }
  }

  async #sample(job: TraceJob, signal: AbortSignal): Promise<Sampled> {
    const answer = await attempt(this.#options, signal, async (watched, onData) => {
      const response = await this.#client.chat.completions.create(this.#body(job), { signal: watched }).asResponse()
      onData()
      return await readCompletion(response, { client: this.#client, maxTokens: job.maxTokens, onData })
    })
    const stopped = answer.finishReason === 'stop'
    const parts = splitThinking(answer, this.#options.tags)
    // Without tags and cut off: whether it was thinking, only the template knows.
    if (parts.thinking === '' && !stopped) return { completion: answer.content, stopped }
    return { completion: { ...parts, ended: stopped }, stopped }
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  /** Streamed, because a server that thinks for minutes before it says anything looks like one that is gone. */
  #body({ messages, sampling, seed, maxTokens }: TraceJob) {
    const { temperature, topP, topK, minP } = sampling
    return {
      model: this.endpointModel,
      messages: messages.map((message) => ({ ...message })),
      temperature,
      top_p: topP,
      seed,
      max_tokens: maxTokens,
      stream: true as const,
      // Not all servers know these two.
      ...(topK > 0 ? { top_k: topK } : {}),
      ...(minP > 0 ? { min_p: minP } : {}),
    }
  }
}

async function onlyModel(client: OpenAI, options: RemoteOptions): Promise<string> {
  const ids = await attempt(options, options.signal ?? never, async (signal) => {
    const parsed = modelList.safeParse(await client.get('/models', { signal }))
    if (parsed.success) return parsed.data.data.map(({ id }) => id)
    throw new PassingFailure('its list of models makes no sense', { mostRetries: 2 })
  })
  const [only] = ids
  if (only !== undefined && ids.length === 1) return only
  const listed = ids.length === 0 ? 'no model' : `${ids.length} models (${ids.slice(0, 10).join(', ')})`
  throw new InputError('endpoint_model', `${options.url} lists ${listed}: name one with \`endpointModel\`.`)
}

/** One request, as often as need be. `onData` tells the watch that the server is alive. */
async function attempt<T>(
  options: RemoteOptions,
  signal: AbortSignal,
  request: (watched: AbortSignal, onData: () => void) => Promise<T>,
): Promise<T> {
  const { url, retries, timeoutMs, onRetry, firstRetryMs } = options
  let tries = 0
  const once = async () => {
    tries++
    const silent = new AbortController()
    const watch = setTimeout(() => silent.abort(), timeoutMs)
    try {
      return await request(AbortSignal.any([signal, silent.signal]), () => watch.refresh())
    } catch (error) {
      signal.throwIfAborted()
      if (silent.signal.aborted) throw new PassingFailure(`it was silent for ${timeoutMs / 1000} s`)
      throw failureOf(error, url)
    } finally {
      clearTimeout(watch)
    }
  }
  try {
    return await withBackOff({ retries, signal, onRetry, firstMs: firstRetryMs }, once)
  } catch (cause) {
    if (!(cause instanceof PassingFailure)) throw cause
    const times = tries === 1 ? 'once' : `${tries} times`
    throw new EngineError('endpoint_failed', `${url} failed ${times}, at last: ${cause.message}.`, { cause })
  }
}
