/**
 * Samples reasoning traces for a list of questions and records each as soon as it is judged, kept or dropped. A run that was
 * killed goes on where it stopped. Knows nothing of question files or of how progress is shown.
 */
import { setMaxListeners } from 'node:events'
import { fingerprint } from '../engine/model.ts'
import type { TraceLayout } from '../engine/trace-layout.ts'
import { InputError } from '../errors.ts'
import type { KvType } from '../llama/index.ts'
import { memoryPlan, type MemoryPlan } from '../models/memory-plan.ts'
import { withFileLock } from '../records/file-lock.ts'
import { hasThinking, judgeTrace, type AnswerGrader, type Verdict } from './judge-trace.ts'
import { LocalSource } from './local-source.ts'
import { planTraces, type SamplingPlanOptions } from './plan-traces.ts'
import { TraceFile, type TraceConditions, type TraceTally } from './trace-file.ts'
import { outputFailure, samplingFailure } from './trace-failure.ts'
import { traceSchema, type DroppedTrace } from './trace-record.ts'
import type { Sampled, TraceJob, TraceSource } from './trace-source.ts'

/** So many samples without thinking, and none with it: the model does not think. */
const samplesWithoutThinking = 20

/** With `source`, the model's vocabulary is enough. */
export interface SampleTracesOptions extends SamplingPlanOptions {
  /** Samples at the same time. With 1 the same run gives the same records in the same order, times apart. */
  readonly parallel: number
  /** The trace file. */
  readonly output: string
  /** False: a file that is there is put aside. */
  readonly resume: boolean
  readonly kvType: KvType
  /** Default: the model itself. Closed at the end, however that comes about. */
  readonly source?: TraceSource | undefined
  readonly grader: AnswerGrader
  /** Versions to record beside those of Node and llama.cpp. */
  readonly versions?: Readonly<Record<string, string>> | undefined
  readonly signal?: AbortSignal | undefined
  /** What sampling here will take of memory, before it is taken. */
  readonly onPlan?: ((plan: MemoryPlan, sequences: number) => void) | undefined
  readonly onProgress?: ((progress: TraceProgress) => void) | undefined
}

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
  const { output } = options
  const onWait = () => {
    throw new InputError(
      'traces_locked',
      `another process is writing ${output}. Wait until it has ended, or give another --output.`,
    )
  }
  try {
    return await withFileLock(`${output}.lock`, { onWait }, () => new TraceRun(options).run())
  } catch (error) {
    throw outputFailure(error, output)
  } finally {
    await options.source?.close()
  }
}

class TraceRun {
  readonly #options: SampleTracesOptions
  readonly #conditions: TraceConditions
  readonly #file: TraceFile
  readonly #before: number
  /** The most tokens of a trace: what was asked for, or what the model was trained for. */
  readonly #maxLength: number
  /** Ends what is under way, by the caller's will or after a failure. */
  readonly #stop = new AbortController()
  #tokens = 0
  #thinkingSeen = false
  /** The verdicts that are still to come. */
  #judging: Promise<unknown> = Promise.resolve()

  constructor(options: SampleTracesOptions) {
    const { model, source, sampling, maxTokens, maxLength, instruction, kvType } = options
    this.#options = options
    this.#maxLength = Math.min(maxLength, model.info.trainedContext)
    this.#conditions = {
      model: fingerprint(model.info),
      source: source?.name ?? 'local',
      settings: {
        ...sampling,
        maxTokens,
        maxLength,
        instruction,
        kvType: source && source.name !== 'local' ? null : kvType,
      },
    }
    this.#file = TraceFile.open(options.output, { ...options, conditions: this.#conditions })
    this.#before = this.#file.tally.sampled
    // Every sample under way listens.
    setMaxListeners(0, this.#stop.signal)
  }

  async run(): Promise<TraceSummary> {
    const { signal } = this.#options
    const onAbort = () => this.#stop.abort()
    signal?.addEventListener('abort', onAbort, { once: true })
    if (signal?.aborted) onAbort()
    try {
      this.#progress()
      const { jobs, tooLong, cells } = await planTraces({
        ...this.#options,
        maxLength: this.#maxLength,
        has: (id) => this.#file.has(id),
        signal: this.#stop.signal,
      })
      for (const { job, layout } of tooLong) this.#record(job, layout, { outcome: 'too-long', answer: null })
      if (jobs.length > 0 && !this.#stop.signal.aborted) await this.#sampleAll(jobs, cells)
      return this.#summary()
    } catch (error) {
      const { sampled: recorded } = this.#file.tally
      const { output, resume } = this.#options
      throw samplingFailure(error, { output, recorded, total: this.#total, resume })
    } finally {
      signal?.removeEventListener('abort', onAbort)
    }
  }

  async #sampleAll(jobs: readonly TraceJob[], cells: number): Promise<void> {
    const { source: given } = this.#options
    const source = given ?? (await this.#openLocal(cells, jobs.length))
    const waiting = [...jobs]
    const work = async () => {
      for (let job = waiting.shift(); job && !this.#stop.signal.aborted; job = waiting.shift()) {
        await this.#sampleOne(source, job)
      }
    }
    const failures: unknown[] = []
    const workers = Array.from({ length: Math.min(source.parallel, jobs.length) }, async () => {
      try {
        await work()
      } catch (error) {
        // What the stop itself brings about is no failure.
        if (!this.#stop.signal.aborted) failures.push(error)
        this.#stop.abort()
      }
    })
    await Promise.all(workers)
    if (!given) await source.close()
    if (failures.length > 0) throw failures[0]
  }

  async #openLocal(cells: number, jobs: number): Promise<TraceSource> {
    const { model, parallel, kvType, onPlan } = this.#options
    const sequences = Math.min(parallel, jobs)
    onPlan?.(memoryPlan(model.info, { cellsPerSequence: cells, sequences, kvType, textLength: cells }), sequences)
    return await LocalSource.create(model, { cells, sequences, kvType })
  }

  async #sampleOne(source: TraceSource, job: TraceJob): Promise<void> {
    const { signal } = this.#stop
    const onToken = (count: number) => {
      this.#tokens += count
      this.#progress()
    }
    const sampled = await source.sample(job, { signal, onToken })
    // In the order in which the samples end, however long the grader takes for each: else two equal runs may differ.
    const judged = this.#judging.then(() => this.#judge(job, sampled))
    this.#judging = judged.catch(() => undefined)
    await judged
    source.recorded?.(job)
  }

  async #judge(job: TraceJob, { completion, stopped }: Sampled): Promise<void> {
    const { model, grader } = this.#options
    const layout = await model.layout({ prompt: { messages: job.messages }, completion })
    const judged = { stopped, maxLength: this.#maxLength, expected: job.question.answer, grader }
    this.#record(job, layout, await judgeTrace(layout, judged))
    this.#checkThatItThinks(layout)
  }

  #record({ id, question, sample, seed }: TraceJob, layout: TraceLayout, { outcome, answer }: Verdict): void {
    const { promptTokens, thinkStart, thinkEnd, answerStart, tokens } = layout
    const { versions, model } = this.#options
    const common: Omit<DroppedTrace, 'outcome'> = {
      schema: traceSchema,
      id,
      question: question.id,
      sample,
      seed,
      ...this.#conditions,
      expected: question.answer,
      answer,
      thinkingTokens: thinkEnd - thinkStart,
      answerTokens: tokens.length - answerStart,
      versions: { ...versions, node: process.versions.node, llamaCpp: model.release },
      at: new Date().toISOString(),
    }
    if (outcome !== 'kept') this.#file.add({ ...common, outcome })
    else {
      this.#file.add({ ...common, outcome, promptTokens, thinkStart, thinkEnd, answerStart, tokens: [...tokens] })
    }
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
    return { ...tally, output, sampledNow: tally.sampled - this.#before, total: this.#total, interrupted }
  }
}
