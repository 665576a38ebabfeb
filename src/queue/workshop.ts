/**
 * Carries out jobs from the queue with what they need: the model that a job names, once it is certain that it is the same file,
 * and an engine, both kept as long as the jobs that come need them. Knows nothing of Redis.
 */
import { loadLocated, locateModel, type LoadModelOptions, type Model } from '../engine/model.ts'
import { InputError } from '../errors.ts'
import { EvalEngine, planJob, refusedRecord, type EvalSetting } from '../evaluation/run/eval-engine.ts'
import type { EvalIdentity, EvalJob } from '../evaluation/run/eval-job.ts'
import { identify } from '../evaluation/run/identity.ts'
import type { AnswerGrader } from '../evaluation/run/judge.ts'
import type { KvType } from '../llama/index.ts'
import { LocalSource } from '../traces/local-source.ts'
import { Keeper } from './keeper.ts'
import { readQueuedJob, RefusedHere, type QueuedJob, type QueuedTrace } from './queued-job.ts'

export interface WorkshopOptions {
  /** In place of what jobs name. */
  readonly model: string | undefined
  readonly predictor: string | undefined
  /** Jobs at the same time, memory permitting. */
  readonly parallel: number
  /** Threads, GPU, network. */
  readonly loading: LoadModelOptions
  readonly grader: AnswerGrader
  readonly versions: Readonly<Record<string, string>>
  /** Tokens generated since it was last called. */
  readonly onToken?: (() => void) | undefined
  readonly onNote?: ((text: string) => void) | undefined
}

interface EngineNeeds {
  readonly cells: number
  readonly attention: boolean
  readonly kvType: KvType
  readonly type: QueuedJob['type']
}

interface OpenEngine {
  readonly needs: EngineNeeds
  readonly eval?: EvalEngine
  readonly trace?: LocalSource
}

interface Bench {
  readonly key: string
  readonly setting: EvalSetting
  readonly engines: Keeper<OpenEngine, EngineNeeds>
}

/** Jobs differ by a few cells: rounding up spares a new engine for each. */
const cellSteps = 512

export class Workshop {
  readonly #options: WorkshopOptions
  readonly #benches: Keeper<Bench, QueuedJob>

  constructor(options: WorkshopOptions) {
    this.#options = options
    this.#benches = new Keeper({
      open: (job) => this.#openBench(job),
      close: closeBench,
      fits: ({ key }, job) => key === benchKey(job),
    })
  }

  /**
   * @param data of a job as the queue has it
   * @returns the job's result, or undefined if `signal` ended it
   * @throws RefusedHere if another worker may be able to; InputError for a job that nobody can carry out; EngineError
   */
  async carryOut(data: unknown, signal: AbortSignal): Promise<unknown> {
    const queued = readQueuedJob(data)
    return await this.#benches.use(queued, async (bench) => {
      if (signal.aborted) return undefined
      if (queued.type === 'eval') return await evaluate(bench, queued.job, signal, this.#options.onToken)
      return await sample(bench, queued.job, signal, this.#options.onToken)
    })
  }

  async close(): Promise<void> {
    await this.#benches.close()
  }

  async #openBench(job: QueuedJob): Promise<Bench> {
    const { grader, versions, parallel, onNote } = this.#options
    const { model, identity } = await this.#load(job)
    onNote?.(`loaded ${model.info.name} (${model.info.quantization}) on ${model.backend}, ${model.threads} threads`)
    const setting: EvalSetting = { model, identity, grader, versions, policyFiles: new Map() }
    const engines = new Keeper<OpenEngine, EngineNeeds>({
      open: (needs) => openEngine(setting, needs, parallel),
      close: async (engine) => {
        await engine.eval?.close()
        await engine.trace?.close()
      },
      fits: ({ needs }, wanted) =>
        needs.type === wanted.type &&
        needs.kvType === wanted.kvType &&
        needs.attention === wanted.attention &&
        needs.cells >= wanted.cells &&
        // Cells that nobody needs are sequences that find no place.
        needs.cells <= 2 * roundUp(wanted.cells),
    })
    return { key: benchKey(job), setting, engines }
  }

  /** @throws RefusedHere with what is wrong */
  async #load(job: QueuedJob): Promise<{ readonly model: Model; readonly identity: EvalIdentity }> {
    const { loading } = this.#options
    const reference = this.#options.model ?? job.model
    const wanted = job.identity
    try {
      const named = this.#options.predictor ?? job.predictor ?? undefined
      const predictor = wanted.predictor === null ? false : named
      const located = await locateModel(reference, { ...loading, predictor })
      const identity = await identify(located)
      const difference = differenceOf(identity, wanted)
      if (difference !== undefined) throw new InputError('model_differs', `${reference}: ${difference}`)
      return { model: await loadLocated(located, loading), identity }
    } catch (error) {
      if (!(error instanceof InputError)) throw error
      throw new RefusedHere(
        'model_differs',
        `A worker has not the model of the run: ${error.message} Give that worker the same file with --model and --predictor.`,
        { cause: error },
      )
    }
  }
}

async function evaluate(
  { setting, engines }: Bench,
  job: EvalJob,
  signal: AbortSignal,
  onToken: (() => void) | undefined,
): Promise<unknown> {
  const plan = await planJob(job, setting)
  if ('refused' in plan) return refusedRecord(job, plan.refused, setting)
  const { cells, attention } = plan
  const needs: EngineNeeds = { type: 'eval', cells, attention, kvType: job.settings.kvType }
  return await engines.use(needs, async (open) => {
    const carried = await open.eval?.carryOut(job, { signal, onToken })
    return carried && (await open.eval?.recordOf(carried))
  })
}

async function sample(
  { setting, engines }: Bench,
  job: QueuedTrace,
  signal: AbortSignal,
  onToken: (() => void) | undefined,
): Promise<unknown> {
  const { messages, maxTokens, kvType, ...drawing } = job
  const { cells } = await setting.model.plan({ prompt: { messages }, policy: 'full', maxTokens })
  const needs: EngineNeeds = { type: 'trace', cells, attention: false, kvType }
  return await engines.use(needs, async ({ trace }) => {
    try {
      return await trace?.sample({ messages, maxTokens, ...drawing }, { signal, onToken: () => onToken?.() })
    } catch (error) {
      if (signal.aborted) return undefined
      throw error
    }
  })
}

async function openEngine(setting: EvalSetting, needs: EngineNeeds, parallel: number): Promise<OpenEngine> {
  const { kvType, attention, type } = needs
  const cells = roundUp(needs.cells)
  const rounded = { ...needs, cells }
  if (type === 'eval') {
    return { needs: rounded, eval: await EvalEngine.open(setting, { cells, attention }, { parallel, kvType }) }
  }
  return { needs: rounded, trace: await LocalSource.create(setting.model, { cells, sequences: parallel, kvType }) }
}

async function closeBench({ engines, setting }: Bench): Promise<void> {
  await engines.close()
  await setting.model.close()
}

function benchKey({ model, predictor, identity }: QueuedJob): string {
  return JSON.stringify([model, predictor, identity])
}

function roundUp(cells: number): number {
  return Math.ceil(cells / cellSteps) * cellSteps
}

/** In words, or undefined if the files are the same. */
function differenceOf(here: EvalIdentity, wanted: EvalIdentity): string | undefined {
  const a = here.model
  const b = wanted.model
  if (a.sha256 !== b.sha256 || a.bytes !== b.bytes) {
    const name = (one: EvalIdentity['model']) => `${one.name} (${one.quantization}, ${one.bytes} bytes)`
    return `it is ${name(a)} with SHA-256 ${a.sha256.slice(0, 12)}, not ${name(b)} with ${b.sha256.slice(0, 12)}.`
  }
  if (here.predictor !== wanted.predictor) {
    return here.predictor === null ? 'it has no importance predictor.' : 'it has another importance predictor.'
  }
  return undefined
}
