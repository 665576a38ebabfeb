/**
 * What a predictor is trained and judged on: traces with their states and targets, read one at a time, and the questions that
 * are held out.
 */
import { createHash } from 'node:crypto'
import { InputError } from '../errors.ts'
import { isFiniteFloat16 } from '../float16.ts'
import { meanOf, transformTarget, type Target } from '../predictor/target.ts'
import type { ImportanceArrays, ImportanceManifest, ImportanceRecord } from '../traces/importance-record.ts'
import { derivedSeed, shuffled } from './schedule.ts'

/** Where traces come from; `ImportanceStore` is one. */
export interface TraceSource {
  readonly manifest: ImportanceManifest
  readonly records: readonly ImportanceRecord[]
  read(record: ImportanceRecord): ImportanceArrays
}

/** One trace: those n of its thinking tokens whose states are stored. */
export interface TrainingTrace {
  readonly tokens: number
  /** n x d float16 bit patterns. */
  readonly states: Uint16Array
  /** Shape [n]. */
  readonly importance: Float32Array
  /** The same on the scale that the predictor learns. */
  readonly target: Float32Array
}

export interface Split {
  readonly training: readonly ImportanceRecord[]
  readonly heldOut: readonly ImportanceRecord[]
  readonly trainingQuestions: number
  readonly heldOutQuestions: number
}

/** Sets that are smaller are read only once. */
const cacheBytes = 2 ** 30

/** The traces of a source, with their targets. Keeps in memory what fits, and reads the rest anew each time. */
export class Dataset {
  readonly source: TraceSource
  readonly hiddenSize: number
  readonly #target: Target
  readonly #room: number
  readonly #kept = new Map<ImportanceRecord, TrainingTrace>()
  #keptBytes = 0

  /** @param room bytes of traces that may stay in memory */
  constructor(source: TraceSource, target: Target, room = cacheBytes) {
    this.source = source
    this.hiddenSize = source.manifest.model.hiddenSize
    this.#target = target
    this.#room = room
  }

  /** @throws InputError `invalid_importance` for a damaged trace */
  trace(record: ImportanceRecord): TrainingTrace {
    const known = this.#kept.get(record)
    if (known) return known
    const trace = this.#read(record)
    // The states are a view of the whole block that was read: with few stored tokens, its other arrays are the larger part.
    const { byteLength } = trace.states.buffer
    if (this.#keptBytes + byteLength <= this.#room) {
      this.#keptBytes += byteLength
      this.#kept.set(record, trace)
    }
    return trace
  }

  #read(record: ImportanceRecord): TrainingTrace {
    const { importance, sampled, states } = this.source.read(record)
    if (!states.every(isFiniteFloat16)) {
      throw new InputError(
        'invalid_importance',
        `the hidden states of trace ${record.id} are not all finite: run dynts importance again`,
      )
    }
    const stored = Float32Array.from(sampled, (token) => importance[token] ?? NaN)
    const target = transformTarget(this.#target, stored, meanOf(importance))
    return { tokens: sampled.length, states, importance: stored, target }
  }
}

/**
 * Holds out a share of the questions with all their traces, at least one; never all of them. Which ones depends on the
 * questions and the seed, not on the order of the records. Traces stay in their order.
 */
export function splitByQuestion(records: readonly ImportanceRecord[], share: number, seed: number): Split {
  const questions = shuffled([...questionsOf(records)].sort(), derivedSeed(seed, splitPurpose))
  const count = Math.min(questions.length - 1, Math.max(1, Math.round(share * questions.length)))
  const chosen = new Set(questions.slice(0, count))
  return {
    training: records.filter(({ question }) => !chosen.has(question)),
    heldOut: records.filter(({ question }) => chosen.has(question)),
    trainingQuestions: questions.length - count,
    heldOutQuestions: count,
  }
}

/**
 * @param least traces; the questions must be at least half as many, because a question's samples resemble each other
 * @param advice what to do for more traces
 * @throws InputError `too_few_traces`
 */
export function checkEnoughTraces(
  records: readonly Pick<ImportanceRecord, 'question'>[],
  least: number,
  advice = 'sample more with dynts trace, then run dynts importance again',
): void {
  const questions = questionsOf(records).size
  const leastQuestions = Math.max(2, Math.ceil(least / 2))
  if (records.length >= least && questions >= leastQuestions) return
  throw new InputError(
    'too_few_traces',
    `There are ${records.length} traces of ${questions} questions, but a predictor needs at least ${least} traces of ` +
      `${leastQuestions} questions: ${advice}. (\`minTraces\` lowers this.)`,
  )
}

/** Tells sets of traces apart without reading them: model, settings of the pass, and every trace's id and place. */
export function digestOf({ manifest, records }: Pick<TraceSource, 'manifest' | 'records'>): string {
  const { model, label, kvType, tokensPerTrace, seed } = manifest
  const facts = JSON.stringify([model, label, kvType, tokensPerTrace, seed, records])
  return createHash('sha256').update(facts).digest('hex')
}

export function questionsOf(records: readonly Pick<ImportanceRecord, 'question'>[]): Set<string> {
  return new Set(records.map(({ question }) => question))
}

/** Keeps the draw of held-out questions apart from other draws of the same seed. */
const splitPurpose = 0x5917
