/**
 * Samples reasoning traces for a list of questions and records each as soon as it is judged, kept or dropped. A run that was
 * killed goes on where it stopped.
 */
import { checkFields } from '../check-shape.ts'
import { fingerprint } from '../engine/locate-model.ts'
import { templateHash } from '../engine/template-hash.ts'
import type { TraceLayout } from '../engine/trace-layout.ts'
import { InputError } from '../errors.ts'
import type { AnswerGrader } from '../evaluation/grading/grade-answer.ts'
import { mathInstruction } from '../evaluation/tasks/prompts.ts'
import { never, type JobOutcome } from '../jobs/job.ts'
import { RunFailures } from '../jobs/run-failures.ts'
import { defaultMaxFailures, runJobs } from '../jobs/run-jobs.ts'
import { versionsOf } from '../jobs/versions.ts'
import type { KvType } from '../llama/index.ts'
import { memoryPlan, type MemoryPlan } from '../models/memory-plan.ts'
import type { WriteLock } from '../records/file-lock.ts'
import { moveToBackup } from '../records/backup.ts'
import { asOnlyWriter } from '../records/run-output.ts'
import { hasThinking, judgeTrace } from './judge-trace.ts'
import { openLocalTraces } from './local-traces.ts'
import { planTraces, type SamplingPlanOptions } from './plan-traces.ts'
import { TraceFile, type TraceConditions, type TraceTally } from './trace-file.ts'
import { traceFailuresPath, samplingFailure } from './trace-failure.ts'
import { traceJobTitle, type Sampled, type TraceExecutor, type TraceJob } from './trace-job.ts'
import { gradingOf } from './trace-question.ts'
import { makeRecord, type TraceJudgement } from './trace-record.ts'

/** So many samples without thinking, and none with it: the model does not think. */
const samplesWithoutThinking = 20

/** With `executor`, the model's vocabulary is enough. */
export interface SampleTracesOptions extends SamplingPlanOptions {
  /** The task that the questions are items of. */
  readonly task?: string | undefined
  /** Samples at the same time. With 1 the same run gives the same records in the same order, times apart. */
  readonly parallel: number
  /** The trace file. */
  readonly output: string
  /** False: a file that is there is put aside. */
  readonly resume: boolean
  readonly kvType: KvType
  /** A run of which so many samples failed ends. Default 10. */
  readonly maxFailures?: number | undefined
  /** Default: the model itself. Closed at the end, however that comes about. */
  readonly executor?: TraceExecutor | undefined
  readonly grader: AnswerGrader
  /** Versions to record beside those of Node and llama.cpp. */
  readonly versions?: Readonly<Record<string, string>> | undefined
  readonly signal?: AbortSignal | undefined
  /** What sampling here will take of memory, before it is taken. */
  readonly onPlan?: ((plan: MemoryPlan, sequences: number) => void) | undefined
  readonly onProgress?: ((progress: TraceProgress) => void) | undefined
  /** What a person should know, e.g. that a sample failed. */
  readonly onNote?: ((text: string) => void) | undefined
}

const optionFields = {
  ...{ model: true, questions: true, samples: true, sampling: true, maxTokens: true, maxLength: true },
  ...{ task: true, instruction: true, seed: true, parallel: true, output: true, resume: true, kvType: true },
  ...{ maxFailures: true, executor: true, grader: true, versions: true },
  ...{ signal: true, onPlan: true, onProgress: true, onNote: true },
} as const

export interface TraceProgress {
  /** Samples that are recorded, those of earlier runs included. */
  readonly done: number
  readonly total: number
  readonly kept: number
  /** Tokens generated in this run. */
  readonly tokens: number
}

export interface TraceSummary extends TraceTally {
  readonly output: string
  /** Of this run. */
  readonly sampledNow: number
  /** Of this run: they have no record, and the same run tries them again. */
  readonly failedNow: number
  /** All that there is to sample. */
  readonly total: number
  /** `signal` ended it early: the same call goes on. */
  readonly interrupted: boolean
}

/**
 * @throws InputError `traces_locked` while another process writes the same file; `traces_differ` and `invalid_records` for
 *   a file that cannot be continued, `invalid_output` for one that cannot be written; `no_thinking` if the first samples of
 *   the run all have no thinking; EngineError if the source fails. What was recorded stays in every case.
 */
export async function sampleTraces(options: SampleTracesOptions): Promise<TraceSummary> {
  checkFields(options, optionFields, 'the options of sampleTraces')
  const { output } = options
  try {
    return await asOnlyWriter(output, 'traces_locked', (lock) => new TraceRun(options, lock).run())
  } finally {
    await options.executor?.close()
  }
}

class TraceRun {
  readonly #options: SampleTracesOptions
  readonly #conditions: TraceConditions
  readonly #file: TraceFile
  readonly #before: number
  /** The most tokens of a trace: what was asked for, or what the model was trained for. */
  readonly #maxLength: number
  readonly #failures: RunFailures
  #tokens = 0
  #failedNow = 0
  #lastFailure: Error | undefined
  #thinkingSeen = false

  constructor(options: SampleTracesOptions, lock: WriteLock) {
    const { model, executor, task, output, sampling, maxTokens, maxLength, instruction, kvType, onNote } = options
    this.#options = options
    this.#maxLength = Math.min(maxLength, model.info.trainedContext)
    this.#conditions = {
      model: fingerprint(model.info),
      source: executor?.endpointModel ?? 'local',
      task,
      thinkingTags: model.template.thinkingTags,
      settings: {
        ...sampling,
        maxTokens,
        maxLength,
        instruction: instruction ?? `\n${mathInstruction}`,
        kvType: executor?.endpointModel === undefined ? kvType : null,
        template: templateHash(model.template),
      },
    }
    if (!options.resume) moveToBackup(traceFailuresPath(output))
    this.#file = new TraceFile(output, { ...options, conditions: this.#conditions, lock })
    this.#before = this.#file.tally.sampled
    this.#failures = new RunFailures(traceFailuresPath(output), { lock, versions: versionsOf(options), onNote })
  }

  async run(): Promise<TraceSummary> {
    const { signal = never } = this.#options
    try {
      this.#progress()
      const { jobs, tooLong, cells } = await planTraces({
        ...this.#options,
        maxLength: this.#maxLength,
        has: (id) => this.#file.has(id),
        signal,
      })
      for (const { job, layout } of tooLong) this.#record(job, layout, { outcome: 'too-long', answer: null })
      if (jobs.length > 0 && !signal.aborted) await this.#sampleAll(jobs, cells)
      return this.#summary()
    } catch (error) {
      const { sampled: recorded } = this.#file.tally
      const { output, resume } = this.#options
      throw samplingFailure(error, { output, recorded, total: this.#total, resume })
    }
  }

  async #sampleAll(jobs: readonly TraceJob[], cells: number): Promise<void> {
    const { executor, signal = never } = this.#options
    const { failed, skipped } = await runJobs({
      ...{ jobs, signal },
      executor: executor ?? (() => this.#openLocal(cells, jobs.length)),
      maxFailures: this.#options.maxFailures ?? defaultMaxFailures,
      record: async (job, outcome) => this.#settle(job, outcome),
      onToken: (count) => {
        this.#tokens += count
        this.#progress()
      },
    })
    if (skipped === 0 || !this.#lastFailure) return
    this.#options.onNote?.(`${failed} samples failed, so the other ${skipped} are left out`)
    throw this.#lastFailure
  }

  async #openLocal(cells: number, jobs: number): Promise<TraceExecutor> {
    const { model, parallel, kvType, onPlan } = this.#options
    const sequences = Math.min(parallel, jobs)
    onPlan?.(memoryPlan(model.info, { cellsPerSequence: cells, sequences, kvType, textLength: cells }), sequences)
    return await openLocalTraces(model, { cells, sequences, kvType })
  }

  async #settle(job: TraceJob, outcome: JobOutcome<Sampled>): Promise<void> {
    if (outcome.kind === 'done') await this.#judge(job, outcome.result)
    else this.#fail(job, outcome.kind === 'failed' ? outcome.error : new Error(outcome.reason))
  }

  #fail(job: TraceJob, error: Error): void {
    this.#failedNow++
    this.#lastFailure = error
    this.#failures.add(job.id, traceJobTitle(job), error)
  }

  async #judge(job: TraceJob, { completion, stopped }: Sampled): Promise<void> {
    const { model, grader } = this.#options
    const layout = await model.layout({ prompt: { messages: job.messages }, completion })
    const judged = { stopped, maxLength: this.#maxLength, question: job.question, grader }
    this.#record(job, layout, await judgeTrace(layout, judged))
    this.#checkThatItThinks(layout)
  }

  #record({ id, question, sample, seed }: TraceJob, layout: TraceLayout, judgement: TraceJudgement): void {
    const right = { expected: question.answer, grading: gradingOf(question) }
    const of = { id, question: question.id, sample, seed, ...right, ...this.#conditions }
    this.#file.add(makeRecord({ ...of, versions: versionsOf(this.#options) }, layout, judgement))
    this.#progress()
  }

  #checkThatItThinks(layout: TraceLayout): void {
    this.#thinkingSeen ||= hasThinking(layout)
    const now = this.#file.tally.sampled - this.#before
    if (this.#thinkingSeen || now < samplesWithoutThinking) return
    throw new InputError(
      'no_thinking',
      `the first ${now} samples have no thinking between tags: this is no reasoning model, its template switches thinking off, or the server hides it. There is nothing to learn from.`,
    )
  }

  #progress(): void {
    const { sampled: done, kept } = this.#file.tally
    this.#options.onProgress?.({ done, total: this.#total, kept, tokens: this.#tokens })
  }

  get #total(): number {
    return this.#options.questions.length * this.#options.samples
  }

  #summary(): TraceSummary {
    const { output, signal } = this.#options
    const { tally } = this.#file
    const interrupted = signal?.aborted === true && tally.sampled < this.#total
    const sampledNow = tally.sampled - this.#before
    return { ...tally, output, sampledNow, failedNow: this.#failedNow, total: this.#total, interrupted }
  }
}
