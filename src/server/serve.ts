/** A server: the engine process, the service and the HTTP side put together. */
import type { Server } from 'node:http'
import type { LocatedModel } from '../engine/locate-model.ts'
import { EngineError, InputError } from '../errors.ts'
import { KeyRing } from './access.ts'
import { createApp } from './app.ts'
import type { EngineFacts, HostOptions } from './engine-messages.ts'
import { EngineProcess } from './engine-process.ts'
import { createHttpServer, listen } from './http-server.ts'
import type { JobEnd } from './job.ts'
import type { Log } from './log.ts'
import { type LogFields } from './log.ts'
import { Metrics } from './metrics.ts'
import { readPageFiles } from './page-files.ts'
import { ResumableStreams } from './resumable-streams.ts'
import type { ServerSettings, ServerState } from './server-state.ts'
import { GenerationService, type ServiceSettings } from './service.ts'

export interface ServeOptions {
  readonly located: LocatedModel
  readonly host: HostOptions
  readonly settings: ServerSettings
  readonly service: ServiceSettings
  readonly stallTimeoutMs: number
  readonly addresses: readonly string[]
  /** 0: any that is free. */
  readonly port: number
  readonly log: Log
  /** Ends the loading of the model. */
  readonly signal: AbortSignal
  /** Share of the weights that are read, 0 to 1. */
  readonly onProgress?: ((share: number) => void) | undefined
}

export class RunningServer {
  readonly #engine: EngineProcess
  readonly #service: GenerationService
  readonly #servers: readonly Server[]
  /** Where it listens. */
  readonly urls: readonly string[]
  /** Of the engine as it was at the start. */
  readonly facts: EngineFacts

  constructor(
    engine: EngineProcess,
    service: GenerationService,
    listening: { readonly servers: readonly Server[]; readonly urls: readonly string[] },
    facts: EngineFacts,
  ) {
    this.#engine = engine
    this.#service = service
    this.#servers = listening.servers
    this.urls = listening.urls
    this.facts = facts
  }

  /** Lets what runs come to its end, for `timeoutMs` at most; takes nothing new. */
  async close(timeoutMs: number): Promise<void> {
    for (const server of this.#servers) server.close()
    await this.#service.drain(timeoutMs)
    // What has just been written is still on its way.
    for (const server of this.#servers) server.closeIdleConnections()
    const late = setTimeout(() => {
      for (const server of this.#servers) server.closeAllConnections()
    }, 500)
    await this.#engine.close()
    await Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))))
    clearTimeout(late)
  }
}

/**
 * Listens, and loads the model: `/health` is answered meanwhile.
 * @returns undefined if `signal` has ended it
 * @throws InputError and EngineError as `loadModel` and `Engine.create`, but EngineError `model_not_loaded`; InputError `address_not_free`
 */
export async function startServer(options: ServeOptions): Promise<RunningServer | undefined> {
  const { located, host, settings, log, signal } = options
  const metrics = new Metrics(settings.aliases[0])
  const progress = { share: 0 }
  const engine = new EngineProcess({
    host,
    stallTimeoutMs: options.stallTimeoutMs,
    onProgress: (share) => {
      progress.share = share
      options.onProgress?.(share)
    },
    onState: (state) => {
      if (state === 'ready') service.dispatch()
    },
    onDeath: (reason, how, said) => {
      metrics.onDeath(reason)
      log.error('the engine process has ended, and is started again', { reason, how, said })
    },
  })
  const service: GenerationService = new GenerationService(engine, options.service, {
    onEvent: (job, event) => metrics.onEvent(job, event),
    onEnd: (end) => {
      metrics.onEnd(end)
      log.info('generation', { ...fieldsOf(end), ...(settings.logsPrompts ? textsOf(end) : {}) })
      if (end.job.deaths > 1) log.error('a generation ran in two deaths of the engine, and is given up', sizesOf(end))
    },
  })
  metrics.observe(service, engine, () => engine.facts ?? { cells: 0, cacheBytes: 0 })
  const state: ServerState = {
    settings,
    located,
    backend: backendOf(engine, progress),
    service,
    streams: new ResumableStreams(),
    keys: new KeyRing(settings.access.keys),
    metrics,
    pageFiles: settings.hasPage ? readPageFiles() : new Map(),
    startedAt: Math.floor(Date.now() / 1000),
  }
  const app = createApp(state, log)
  const servers: Server[] = []
  const urls: string[] = []
  const stopLoading = () => void engine.close()
  try {
    for (const address of options.addresses) {
      const server = createHttpServer(app, settings.version)
      const { port, family } = await listen(server, address, options.port)
      servers.push(server)
      urls.push(`http://${family === 'IPv6' ? `[${address}]` : address}:${port}`)
    }
    signal.throwIfAborted()
    signal.addEventListener('abort', stopLoading, { once: true })
    const facts = await engine.start()
    service.dispatch()
    return new RunningServer(engine, service, { servers, urls }, facts)
  } catch (error) {
    for (const server of servers) server.close()
    await engine.close()
    if (signal.aborted) return undefined
    throw error instanceof InputError && error.code === 'model_not_loaded'
      ? new EngineError(error.code, error.message, { cause: error })
      : error
  } finally {
    signal.removeEventListener('abort', stopLoading)
  }
}

function backendOf(engine: EngineProcess, progress: { readonly share: number }): ServerState['backend'] {
  return {
    get state() {
      return engine.state
    },
    get facts() {
      return engine.facts
    },
    get progress() {
      return progress.share
    },
    ask: (type, message) => engine.ask(type, message),
    submit: (id, request, listener) => engine.submit(id, request, listener),
    cancel: (id) => engine.cancel(id),
    endThinking: (id) => engine.endThinking(id),
  }
}

/** What was asked and answered: logged only where the operator wants it. */
function textsOf({ job, result }: JobEnd): LogFields {
  return { asked: job.request?.prompt, thought: result?.thinking, answered: result?.answer }
}

/** What it asked for, without its text. */
function sizesOf({ job }: JobEnd): LogFields {
  const { prompt = {}, answerSchema, logitBias, ...parameters } = job.request ?? {}
  const given = { schema: answerSchema !== undefined, biases: logitBias?.length ?? 0, promptForm: Object.keys(prompt) }
  return {
    id: job.id,
    request: job.requestId,
    prompt: job.promptTokens,
    tokens: job.generatedTokens,
    parameters,
    ...given,
  }
}

/** Of a generation that has ended; never what was asked or answered. */
function fieldsOf({ job, result, error }: JobEnd): LogFields {
  const now = performance.now()
  const ms = (from: number | undefined, to: number | undefined) =>
    from === undefined || to === undefined ? undefined : Math.round(to - from)
  return {
    id: job.id,
    request: job.requestId,
    client: job.client,
    // Of one that has failed, the request's own line has it, unless its answer had begun.
    status: result ? 200 : undefined,
    finish: result?.finishReason ?? error?.code,
    prompt: result?.usage.promptTokens ?? job.promptTokens,
    cached: result?.usage.cachedPromptTokens,
    thinking: result?.usage.thinkingTokens,
    tokens: result ? result.usage.thinkingTokens + result.usage.answerTokens : job.generatedTokens,
    policy: job.policy === '' ? undefined : job.policy,
    budget: job.budget ?? undefined,
    evictions: result?.cache.evictions,
    slot: job.slot,
    queuedMs: ms(job.enqueuedAt, job.startedAt),
    firstTokenMs: ms(job.arrivedAt, job.firstTokenAt),
    allMs: ms(job.arrivedAt, now),
  }
}
