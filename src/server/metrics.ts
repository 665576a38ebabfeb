/** Figures for Prometheus; names and buckets are vLLM's where the thing is the same. */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client'
import type { GenerateEvent } from '../engine/types.ts'
import type { EngineBackend } from './engine-process.ts'
import type { Job, JobEnd } from './job.ts'
import type { GenerationService } from './service.ts'

const firstTokenBuckets = [
  0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160, 640, 2560,
]
const tokenBuckets = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 10,
]
const requestBuckets = [0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680]
const sizeBuckets = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000]

const lagWindowMs = 60_000

export class Metrics {
  readonly #registry = new Registry()
  readonly #finished = this.#counter('request_success_total', 'Generations that have ended', ['finished_reason'])
  readonly #http = this.#counter('http_requests_total', 'Requests by endpoint and status', ['path', 'status'])
  readonly #promptTokens = this.#counter('prompt_tokens_total', 'Prompt tokens that were read')
  readonly #cachedTokens = this.#counter('prompt_tokens_cached_total', 'Prompt tokens that were copied')
  readonly #generatedTokens = this.#counter('generation_tokens_total', 'Generated tokens')
  readonly #thinkingTokens = this.#counter('reasoning_tokens_total', 'Generated tokens of the thinking')
  readonly #evictions = this.#counter('evictions_total', 'Evictions', ['policy'])
  readonly #evictedTokens = this.#counter('evicted_tokens_total', 'Evicted cells', ['policy'])
  readonly #compactions = this.#counter('compactions_total', 'Compactions', ['policy'])
  readonly #restarts = this.#counter('engine_restarts_total', 'Deaths of the engine process', ['reason'])
  readonly #rejections = this.#counter('queue_rejections_total', 'Refused because of the queue', ['reason'])
  readonly #disconnects = this.#counter('client_disconnects_total', 'Generations whose client has left', ['phase'])
  readonly #firstToken = this.#histogram(
    'time_to_first_token_seconds',
    'From the arrival of the request to the first token',
    firstTokenBuckets,
  )
  readonly #firstAnswerToken = this.#histogram(
    'time_to_first_answer_token_seconds',
    'From the arrival of the request to the first token of the answer',
    firstTokenBuckets,
  )
  readonly #tokenLatency = this.#histogram('inter_token_latency_seconds', 'Between two tokens', tokenBuckets)
  readonly #requestTime = this.#histogram(
    'e2e_request_latency_seconds',
    'From the arrival of the request to the end',
    requestBuckets,
  )
  readonly #queueTime = this.#histogram('request_queue_time_seconds', 'Waiting for a slot', requestBuckets)
  readonly #prefillTime = this.#histogram('request_prefill_time_seconds', 'Reading the prompt', requestBuckets)
  readonly #decodeTime = this.#histogram('request_decode_time_seconds', 'Generating', requestBuckets)
  readonly #evictionTime = this.#histogram(
    'eviction_seconds',
    'Each eviction; those of one generation count as equally long',
    tokenBuckets,
    ['policy'],
  )
  readonly #promptSizes = this.#histogram('request_prompt_tokens', 'Prompt tokens', sizeBuckets)
  readonly #generationSizes = this.#histogram('request_generation_tokens', 'Generated tokens', sizeBuckets)
  readonly #thinkingSizes = this.#histogram('request_reasoning_tokens', 'Tokens of the thinking', sizeBuckets)
  #lagSeconds = 0
  readonly #lastTokenAt = new WeakMap<Job, number>()
  readonly #hasAnswered = new WeakSet<Job>()

  constructor(modelName: string) {
    this.#registry.setDefaultLabels({ model_name: modelName })
    collectDefaultMetrics({ register: this.#registry, prefix: 'dynts_http_' })
    const lag = monitorEventLoopDelay()
    lag.enable()
    setInterval(() => {
      this.#lagSeconds = lag.percentile(99) / 1e9
      lag.reset()
    }, lagWindowMs).unref()
    this.#gauge('event_loop_lag_seconds', 'Lateness of the HTTP process: the 99th percentile of the last minute', () =>
      Math.max(this.#lagSeconds, lag.count > 0 ? lag.percentile(99) / 1e9 : 0),
    )
  }

  /** What is read off when it is asked for. */
  observe(
    service: GenerationService,
    backend: EngineBackend,
    capacity: () => { cells: number; cacheBytes: number },
  ): void {
    const slots = service.slots
    const used = () => service.slots.reduce((sum, job) => sum + (job?.cells ?? 0), 0)
    const all = () => capacity().cells * slots.length
    this.#gauge('num_requests_running', 'Generations that run', () => service.slots.filter((job) => job).length)
    this.#gauge('num_requests_waiting', 'Generations that wait for a slot', () => service.waiting.length)
    this.#gauge('engine_up', 'Whether the engine is ready', () => Number(backend.state === 'ready'))
    this.#gauge('cells_used', 'Cells that hold tokens of running generations', used)
    this.#gauge('cells_capacity', 'Cells of all slots', all)
    this.#gauge('cache_bytes', 'Bytes of the cache', () => capacity().cacheBytes)
    this.#gauge('kv_cache_usage_perc', 'Used cells as a share of all, 0 to 1', () => (all() > 0 ? used() / all() : 0))
  }

  onHttp(path: string, status: number): void {
    this.#http.inc({ path, status })
  }

  onRejection(reason: string): void {
    this.#rejections.inc({ reason })
  }

  onDeath(reason: string): void {
    this.#restarts.inc({ reason })
  }

  onEvent(job: Job, event: GenerateEvent): void {
    if (event.type === 'eviction') {
      this.#evictions.inc({ policy: job.policy })
      this.#evictedTokens.inc({ policy: job.policy }, event.evicted)
      if (event.compacted) this.#compactions.inc({ policy: job.policy })
    }
    if (event.type !== 'token' || event.token === null) return
    const now = performance.now()
    const before = this.#lastTokenAt.get(job)
    this.#lastTokenAt.set(job, now)
    if (before === undefined) this.#firstToken.observe((now - job.arrivedAt) / 1000)
    else this.#tokenLatency.observe((now - before) / 1000)
    if (event.phase !== 'answer' || this.#hasAnswered.has(job)) return
    this.#hasAnswered.add(job)
    this.#firstAnswerToken.observe((now - job.arrivedAt) / 1000)
  }

  onEnd({ job, result, error, hasLeft = false }: JobEnd): void {
    const finishReason = result?.finishReason ?? error?.code
    const isAbort = finishReason === 'cancelled'
    const reason = isAbort ? 'abort' : (result?.finishReason ?? 'error')
    this.#finished.inc({ finished_reason: reason })
    if (hasLeft) this.#disconnects.inc({ phase: job.phase })
    this.#requestTime.observe((performance.now() - job.arrivedAt) / 1000)
    if (job.startedAt !== undefined) this.#queueTime.observe((job.startedAt - job.enqueuedAt) / 1000)
    if (!result) return
    const { promptTokens, cachedPromptTokens, thinkingTokens, answerTokens } = result.usage
    this.#promptTokens.inc(promptTokens - cachedPromptTokens)
    this.#cachedTokens.inc(cachedPromptTokens)
    this.#generatedTokens.inc(thinkingTokens + answerTokens)
    this.#thinkingTokens.inc(thinkingTokens)
    this.#promptSizes.observe(promptTokens)
    this.#generationSizes.observe(thinkingTokens + answerTokens)
    this.#thinkingSizes.observe(thinkingTokens)
    const { evictions, policy } = result.cache
    for (let i = 0; i < evictions; i++)
      this.#evictionTime.observe({ policy }, result.timing.evictionMs / evictions / 1000)
    this.#prefillTime.observe(result.timing.prefillMs / 1000)
    this.#decodeTime.observe(result.timing.decodeMs / 1000)
  }

  get contentType(): string {
    return this.#registry.contentType
  }

  async text(): Promise<string> {
    return await this.#registry.metrics()
  }

  #counter(name: string, help: string, labelNames: string[] = []): Counter {
    return new Counter({ name: `dynts:${name}`, help, labelNames, registers: [this.#registry] })
  }

  #histogram(name: string, help: string, buckets: number[], labelNames: string[] = []): Histogram {
    return new Histogram({ name: `dynts:${name}`, help, buckets, labelNames, registers: [this.#registry] })
  }

  #gauge(name: string, help: string, value: () => number): void {
    new Gauge({
      name: `dynts:${name}`,
      help,
      registers: [this.#registry],
      collect() {
        this.set(value())
      },
    })
  }
}
