/**
 * Lets the model answer from parts of its thinking, and records each answer as soon as it is graded. A run that was killed goes on where
 * it stopped.
 *
 * Source: arXiv 2601.18383, Figures 3 and 12.
 */
import { isDeepStrictEqual } from 'node:util'
import { fingerprint } from '../../engine/locate-model.ts'
import type { Model } from '../../engine/model.ts'
import { EngineError } from '../../errors.ts'
import type { AnswerGrader } from '../../evaluation/grading/grade-answer.ts'
import { judge } from '../../evaluation/run/judge.ts'
import type { Executor, JobOutcome } from '../../jobs/job.ts'
import { RunFailures } from '../../jobs/run-failures.ts'
import { runJobs, type RunJobsOptions } from '../../jobs/run-jobs.ts'
import type { KvType } from '../../llama/index.ts'
import { memoryPlan, type MemoryPlan } from '../../models/memory-plan.ts'
import { pick } from '../../pick.ts'
import { moveToBackup } from '../../records/backup.ts'
import { outputFailure } from '../../records/file-failure.ts'
import type { WriteLock } from '../../records/file-lock.ts'
import { RecordFile } from '../../records/record-file.ts'
import { asOnlyWriter, cannotContinue } from '../../records/run-output.ts'
import type { TraceSampling } from '../../traces/trace-job.ts'
import type { Answered, AnswerJob } from './answer-job.ts'
import { openLocalAnswers } from './local-answers.ts'
import {
  inputOf,
  keptOf,
  paretoJobs,
  paretoJobTitle,
  type ParetoJob,
  type ParetoPlan,
  type ParetoTrace,
} from './pareto-job.ts'
import { paretoRecords, paretoSchema, type ParetoConditions, type ParetoRecord } from './pareto-record.ts'

export interface RunParetoOptions extends ParetoPlan {
  /** Loads the model; called only if something is left to generate, and nobody else does. */
  readonly load: () => Promise<Model>
  /** Who generates in place of this process. */
  readonly executor?: Executor<AnswerJob, Answered> | undefined
  readonly info: Model['info']
  readonly thinkingTags: Model['thinkingTags']
  readonly traces: readonly ParetoTrace[]
  readonly sampling: TraceSampling
  /** The most tokens of an answer. */
  readonly maxTokens: number
  readonly kvType: KvType
  /** Answers at the same time in this process. With 1 the same run gives the same records in the same order, times apart. */
  readonly parallel: number
  /** The file of answers. */
  readonly output: string
  /** False: a file that is there is put aside. */
  readonly resume: boolean
  /** A run of which so many answers failed ends. */
  readonly maxFailures: number
  readonly grader: AnswerGrader
  readonly versions: Readonly<Record<string, string>>
  readonly signal: AbortSignal
  /** What it will take of memory, before it is taken. */
  readonly onPlan?: ((plan: MemoryPlan, sequences: number) => void) | undefined
  readonly onProgress?: ((progress: ParetoProgress) => void) | undefined
  /** What a person should know, e.g. that an answer failed. */
  readonly onNote?: ((text: string) => void) | undefined
}

export interface ParetoProgress {
  /** Answers that are recorded, those of earlier runs included. */
  readonly done: number
  readonly total: number
  /** Generated in this run. */
  readonly tokens: number
}

export interface ParetoRun {
  /** Answers of this plan that are recorded. */
  readonly answered: number
  readonly total: number
  readonly failed: number
  /** Left out, because too many others had failed. */
  readonly skipped: number
  /** `signal` ended it early: the same call goes on. */
  readonly interrupted: boolean
  /** `paretoKey` of each answer of this plan. */
  readonly keys: ReadonlySet<string>
}

/** Where answers that failed are listed (`FailureLog`). */
export const paretoFailuresPath = (output: string): string => `${output}.failures.jsonl`

/**
 * @throws InputError `pareto_locked` while another process writes the same file; `pareto_differs` and `invalid_records` for a file that
 *   cannot be continued, `invalid_output`; what loading the model throws; EngineError if it fails. What was recorded stays in every case.
 */
export async function runPareto(options: RunParetoOptions): Promise<ParetoRun> {
  return await asOnlyWriter(options.output, 'pareto_locked', (lock) => new Run(options, lock).run())
}

class Run {
  readonly #options: RunParetoOptions
  readonly #jobs: readonly ParetoJob[]
  readonly #conditions: ParetoConditions
  readonly #file: RecordFile<ParetoRecord>
  readonly #failures: RunFailures
  #answered = 0
  #tokens = 0

  constructor(options: RunParetoOptions, lock: WriteLock) {
    const { info, traces, thinkingTags, sampling, maxTokens, kvType, seed, output, resume, onNote } = options
    this.#options = options
    this.#jobs = paretoJobs(traces, options)
    this.#conditions = {
      model: fingerprint(info),
      settings: { ...sampling, maxTokens, kvType, seed },
      thinkingTags: pick(thinkingTags, ['open', 'close']),
    }
    if (!resume) moveToBackup(paretoFailuresPath(output))
    const jobs = new Map(this.#jobs.map((job) => [job.key, job]))
    this.#file = RecordFile.open(output, {
      ...paretoRecords,
      lock,
      fresh: !resume,
      onExisting: (record) => {
        const job = jobs.get(paretoRecords.keyOf(record))
        const why = difference(record, this.#conditions, job)
        if (why !== undefined) throw cannotContinue(output, 'pareto_differs', why)
        if (job) this.#answered++
      },
    })
    this.#failures = new RunFailures(paretoFailuresPath(output), { lock, versions: this.#versions, onNote })
  }

  async run(): Promise<ParetoRun> {
    const { signal } = this.#options
    this.#progress()
    const jobs = this.#jobs.filter(({ key }) => !this.#file.has(key))
    const { failed, skipped } = jobs.length === 0 ? { failed: 0, skipped: 0 } : await this.#answerAll(jobs)
    const total = this.#jobs.length
    const interrupted = signal.aborted && this.#answered < total
    const keys = new Set(this.#jobs.map(({ key }) => key))
    return { answered: this.#answered, total, failed, skipped, interrupted, keys }
  }

  async #answerAll(jobs: readonly ParetoJob[]) {
    const { executor, load, output } = this.#options
    try {
      if (executor) return await this.#answerBy(this.#ofParts(executor), jobs)
      await using model = await load()
      return await this.#answerBy(async () => this.#ofParts(await this.#open(model, jobs)), jobs)
    } catch (error) {
      const cause = outputFailure(error, output)
      if (!(cause instanceof EngineError)) throw cause
      const kept = `${this.#answered} of ${this.#jobs.length} answers are recorded in ${output}`
      throw new EngineError(cause.code, `${cause.message} ${kept}; the same command goes on from there.`, { cause })
    }
  }

  async #answerBy(executor: RunJobsOptions<ParetoJob, Answered>['executor'], jobs: readonly ParetoJob[]) {
    const { signal, maxFailures } = this.#options
    return await runJobs<ParetoJob, Answered>({
      ...{ jobs, executor, signal, maxFailures },
      record: async (job, outcome) => await this.#settle(job, outcome),
      onToken: (count) => {
        this.#tokens += count
        this.#progress()
      },
    })
  }

  /** The same for jobs that say which part of a thinking they keep. */
  #ofParts(executor: Executor<AnswerJob, Answered>): Executor<ParetoJob, Answered> {
    return {
      parallel: executor.parallel,
      execute: (job, options) => executor.execute(this.#answerJob(job), options),
      settled: (job) => executor.settled?.(this.#answerJob(job)),
      close: () => executor.close(),
    }
  }

  #answerJob(job: ParetoJob): AnswerJob {
    const { prompt, promptEviction } = inputOf(job)
    const { sampling } = this.#options
    return {
      title: paretoJobTitle(job),
      tokens: prompt.tokens,
      ...{ promptEviction, sampling, seed: job.seed, maxTokens: this.#mostTokens(job) },
    }
  }

  async #open(model: Model, jobs: readonly ParetoJob[]): Promise<Executor<AnswerJob, Answered>> {
    const { parallel, kvType, onPlan } = this.#options
    // The last token that is generated is not consumed.
    const cells = jobs.reduce((most, job) => Math.max(most, job.of.trace.answerStart + this.#mostTokens(job) - 1), 1)
    const sequences = Math.min(parallel, jobs.length)
    onPlan?.(memoryPlan(model.info, { cellsPerSequence: cells, sequences, kvType, textLength: cells }), sequences)
    return await openLocalAnswers(model, { cells, sequences, kvType })
  }

  /** The same for all parts of a thinking, however short they are. */
  #mostTokens({ of }: ParetoJob): number {
    const { maxTokens, info } = this.#options
    return Math.min(maxTokens, info.trainedContext - of.trace.answerStart)
  }

  async #settle(job: ParetoJob, outcome: JobOutcome<Answered>): Promise<void> {
    if (outcome.kind === 'done') {
      await this.#record(job, outcome.result)
      return
    }
    const error = outcome.kind === 'failed' ? outcome.error : new Error(outcome.reason)
    this.#failures.add(job.key, paretoJobTitle(job), error)
  }

  async #record(job: ParetoJob, result: Answered): Promise<void> {
    const { reading, selection, percent, sample, seed, basis, of } = job
    const { trace, expected, grading } = of
    const { text, answer, truncated, answerTokens, release } = result
    const judged = { answer, truncated, expected, grading }
    this.#file.add({
      schema: paretoSchema,
      ...{ trace: trace.id, question: trace.question, task: trace.task },
      ...{ reading, selection, percent, sample, seed, basis },
      ...{ thinkingTokens: trace.thinkEnd - trace.thinkStart, keptTokens: keptOf(job).length },
      ...{ expected, grading },
      ...(await judge(judged, this.#options.grader)),
      ...{ truncated, thoughtAgain: this.#hasTag(text), text },
      answerTokens,
      ...this.#conditions,
      versions: { ...this.#versions, llamaCpp: release },
      at: new Date().toISOString(),
    })
    this.#answered++
    this.#progress()
  }

  #hasTag(text: string): boolean {
    const { open, close } = this.#options.thinkingTags
    return text.includes(open) || text.includes(close)
  }

  get #versions(): Record<string, string> {
    return { ...this.#options.versions, node: process.versions.node }
  }

  #progress(): void {
    this.#options.onProgress?.({ done: this.#answered, total: this.#jobs.length, tokens: this.#tokens })
  }
}

const settingNames: Readonly<Record<keyof ParetoConditions['settings'], string>> = {
  temperature: 'temperature',
  topP: 'top-p',
  topK: 'top-k',
  minP: 'min-p',
  maxTokens: 'max-tokens',
  kvType: 'kv-type',
  seed: 'seed',
}

/** What a record was made with that this run would do otherwise, or undefined. */
function difference(
  record: ParetoRecord,
  { model, settings, thinkingTags }: ParetoConditions,
  job: ParetoJob | undefined,
): string | undefined {
  const facts = Object.keys(model) as (keyof typeof model)[]
  const fact = facts.find((name) => record.model[name] !== model[name])
  if (fact !== undefined) return `it is of another model (${record.model.name}, not ${model.name})`
  for (const [key, name] of Object.entries(settingNames) as [keyof typeof settings, string][]) {
    const [was, is] = [record.settings[key], settings[key]]
    if (was !== undefined && was !== is) return `it was made with ${name} ${was}, not ${is}`
  }
  if (record.thinkingTags && !isDeepStrictEqual(record.thinkingTags, thinkingTags)) {
    return `it was made with the thinking tags ${record.thinkingTags.open} and ${record.thinkingTags.close}`
  }
  if (!job) return undefined
  if (record.seed !== job.seed) return 'it was made with another seed'
  if (record.basis !== job.basis) return `it was made of another trace ${record.trace}, importance or predictor`
  if (record.expected !== job.of.expected || record.grading !== job.of.grading)
    return `the answer of question ${record.question} is ${record.expected} there and ${job.of.expected} here`
  return undefined
}
