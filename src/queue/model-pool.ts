/**
 * Carries out jobs from the queue with the model that each names, once it is certain that it is the same file; the model
 * stays loaded as long as the jobs that come need it.
 */
import { locateModel } from '../engine/locate-model.ts'
import { loadLocated, type LoadModelOptions, type Model } from '../engine/model.ts'
import { InputError } from '../errors.ts'
import { describeModel, type EvalIdentity } from '../evaluation/run/eval-job.ts'
import { identify } from '../evaluation/run/identity.ts'
import type { AnswerGrader } from '../evaluation/grading/grade-answer.ts'
import { EnginePool } from './engine-pool.ts'
import { Pool } from './pool.ts'
import { readQueuedJob, RefusedHere, type QueuedJob } from './queued-job.ts'

export interface ModelPoolOptions {
  /** In place of what jobs name. */
  readonly model: string | undefined
  readonly predictor: string | undefined
  /** Jobs at the same time, memory permitting. */
  readonly parallel: number
  /** Threads, GPU, network. */
  readonly loading: LoadModelOptions
  readonly grader: AnswerGrader
  readonly versions: Readonly<Record<string, string>>
  /** Called with the number of further tokens. */
  readonly onToken?: ((tokens: number) => void) | undefined
  readonly onNote?: ((text: string) => void) | undefined
}

interface PooledModel {
  readonly key: string
  readonly engines: EnginePool
}

export class ModelPool {
  readonly #options: ModelPoolOptions
  readonly #models: Pool<PooledModel, QueuedJob>

  constructor(options: ModelPoolOptions) {
    this.#options = options
    this.#models = new Pool({
      open: (job) => this.#open(job),
      close: ({ engines }) => engines.close(),
      fits: ({ key }, job) => key === modelKey(job),
    })
  }

  /**
   * @param data of a job as the queue has it
   * @returns the job's result, or undefined if `signal` ended it
   * @throws RefusedHere if another worker may be able to; InputError for a job that nobody can carry out; EngineError
   */
  async execute(data: unknown, signal: AbortSignal): Promise<unknown> {
    const job = readQueuedJob(data)
    const { onToken } = this.#options
    return await this.#models.use(job, async ({ engines }) =>
      signal.aborted ? undefined : await engines.execute(job, { signal, onToken }),
    )
  }

  async close(): Promise<void> {
    await this.#models.close()
  }

  async #open(job: QueuedJob): Promise<PooledModel> {
    const { grader, versions, parallel, onNote } = this.#options
    const { model, identity } = await this.#load(job)
    onNote?.(`loaded ${model.info.name} (${model.info.quantization}) on ${model.backend}, ${model.threads} threads`)
    const setting = { model, identity, grader, versions, policyFiles: new Map<string, string>() }
    return { key: modelKey(job), engines: new EnginePool(setting, parallel) }
  }

  /** @throws RefusedHere with what is wrong */
  async #load(job: QueuedJob): Promise<{ readonly model: Model; readonly identity: EvalIdentity }> {
    const { loading } = this.#options
    const reference = this.#options.model ?? job.model
    const wanted = job.identity
    try {
      const named = this.#options.predictor ?? job.predictor ?? undefined
      const predictor = wanted.predictor === null ? false : named
      const located = await locateModel(reference, { ...loading, ...job.template, predictor })
      const identity = await identify(located)
      const difference = differenceOf(identity, wanted)
      if (difference !== undefined) throw new InputError('model_differs', `${reference}: ${difference}`)
      return { model: await loadLocated(located, loading), identity }
    } catch (error) {
      if (!(error instanceof InputError)) throw error
      throw new RefusedHere(
        'model_differs',
        `A worker has not the model of the run: ${error.message} Give that worker the same file with \`model\` and \`predictor\`.`,
        { cause: error },
      )
    }
  }
}

function modelKey({ model, predictor, identity }: QueuedJob): string {
  return JSON.stringify([model, predictor, identity])
}

/** In words, or undefined if the files are the same. */
function differenceOf(here: EvalIdentity, wanted: EvalIdentity): string | undefined {
  const a = here.model
  const b = wanted.model
  if (a.sha256 !== b.sha256 || a.bytes !== b.bytes) {
    const [hash, other] = [a, b].map(({ sha256 }) => sha256.slice(0, 12))
    return `it is ${describeModel(a)} with SHA-256 ${hash}, not ${describeModel(b)} with ${other}.`
  }
  if (here.predictor !== wanted.predictor) {
    return here.predictor === null ? 'it has no importance predictor.' : 'it has another importance predictor.'
  }
  if (here.template !== wanted.template) return 'it has another chat template, template variables or thinking tags.'
  return undefined
}
