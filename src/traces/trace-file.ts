/**
 * The trace file of a run: what it holds already, whether that was made with the same settings, and how many samples were
 * kept and dropped. Samples nothing.
 */
import { differentFact } from '../predictor/index.ts'
import type { WriteLock } from '../records/file-lock.ts'
import { RecordFile } from '../records/record-file.ts'
import { cannotContinue } from '../records/run-output.ts'
import { dropReasons, traceRecords, type DropReason, type TraceRecord } from './trace-record.ts'
import { sampleSeed, traceId } from './trace-job.ts'

/** What all samples of a file have in common. */
export type TraceConditions = Pick<TraceRecord, 'model' | 'source' | 'settings' | 'task' | 'thinkingTags'>

/** Counts of the samples that a run is about. */
export interface TraceTally {
  /** Kept and dropped. */
  readonly sampled: number
  readonly kept: number
  readonly dropped: Readonly<Record<DropReason, number>>
  /** Of the kept ones, strictly between the tags; null: none was kept. */
  readonly meanThinkingTokens: number | null
}

export interface TraceFileOptions {
  /** Under which the file is written. */
  readonly lock: WriteLock
  readonly conditions: TraceConditions
  /** Of the run; null: nothing is drawn. */
  readonly seed: number | null
  readonly questions: readonly { readonly id: string; readonly answer: string | null }[]
  /** How many of each question are asked for, or the traces that were given: the record's `given` by its id. */
  readonly samples: number | ReadonlyMap<string, string>
  /** False: a file that is there is put aside. */
  readonly resume: boolean
}

export class TraceFile {
  readonly #records: RecordFile<TraceRecord>
  readonly #asked: ReadonlySet<string>
  readonly #dropped = Object.fromEntries(dropReasons.map((reason) => [reason, 0])) as Record<DropReason, number>
  #kept = 0
  #thinkingTokens = 0

  /** @throws InputError `traces_differ` if what is there was made otherwise, `invalid_records` if it is no trace file */
  constructor(path: string, options: TraceFileOptions) {
    const { questions, samples, resume, lock } = options
    const answers = new Map(questions.map(({ id, answer }) => [id, answer]))
    this.#asked = new Set(
      typeof samples === 'number'
        ? questions.flatMap(({ id }) => Array.from({ length: samples }, (_, sample) => traceId(id, sample)))
        : samples.keys(),
    )
    this.#records = RecordFile.open(path, {
      ...traceRecords,
      lock,
      fresh: !resume,
      onExisting: (record) => {
        const why = difference(record, options, answers)
        if (why !== undefined) throw cannotContinue(path, 'traces_differ', why)
        this.#count(record)
      },
    })
  }

  has(id: string): boolean {
    return this.#records.has(id)
  }

  add(record: TraceRecord): void {
    if (this.#records.add(record)) this.#count(record)
  }

  get tally(): TraceTally {
    const dropped = Object.values(this.#dropped).reduce((sum, count) => sum + count, 0)
    return {
      sampled: this.#kept + dropped,
      kept: this.#kept,
      dropped: { ...this.#dropped },
      meanThinkingTokens: this.#kept === 0 ? null : this.#thinkingTokens / this.#kept,
    }
  }

  /** Samples of other questions may be in the file; they do not count. */
  #count({ id, outcome, thinkingTokens }: TraceRecord): void {
    if (!this.#asked.has(id)) return
    if (outcome !== 'kept') this.#dropped[outcome]++
    else {
      this.#kept++
      this.#thinkingTokens += thinkingTokens
    }
  }
}

/** What a record was made with that this run would do otherwise, or undefined. */
function difference(
  record: TraceRecord,
  { conditions, seed, samples }: TraceFileOptions,
  answers: ReadonlyMap<string, string | null>,
): string | undefined {
  const model = differentFact(record.model, conditions.model)
  if (model !== undefined) return `it is of another model (${model.fact} ${model.a}, not ${model.b})`
  if (record.model.name !== conditions.model.name) {
    return `it is of another model (${record.model.name}, not ${conditions.model.name})`
  }
  if (record.source !== conditions.source) return `it was sampled from ${record.source}, not from ${conditions.source}`
  if (record.task !== conditions.task) {
    const named = (task: string | undefined) => (task === undefined ? 'questions of a file' : `the task ${task}`)
    return `it is of ${named(record.task)}, not of ${named(conditions.task)}`
  }
  for (const key of Object.keys(conditions.settings) as (keyof TraceConditions['settings'])[]) {
    const [was, is] = [record.settings[key], conditions.settings[key]]
    if (was !== is && key === 'template')
      return 'it was made with another chat template, template variables or thinking tags'
    if (was !== is) return `it was made with \`${key}\` ${JSON.stringify(was)}, not ${JSON.stringify(is)}`
  }
  if (seed !== null && record.seed !== sampleSeed(seed, record.question, record.sample))
    return `it was made with another seed than ${seed}`
  const text = typeof samples === 'number' ? undefined : samples.get(record.id)
  if (text !== undefined && text !== record.given) return `it is of other texts (trace ${record.id} is another one now)`
  const answer = answers.get(record.question)
  if (answer !== undefined && answer !== record.expected) {
    return `it is of other questions (the answer of question ${record.question} is ${record.expected ?? 'not known'} there and ${answer ?? 'not known'} here)`
  }
  return undefined
}
