/** One answer to be generated from a part of a trace's thinking, and the list of all of a run. Generates nothing. */
import { createHash } from 'node:crypto'
import type { PromptEviction } from '../../engine/types.ts'
import type { GradingKind } from '../../evaluation/grading/grade-answer.ts'
import { sampleSeed } from '../../traces/trace-job.ts'
import type { KeptTrace } from '../../traces/trace-record.ts'
import { keptTokens, type SelectionName, type ThinkingScores } from './kept-tokens.ts'
import { paretoKey, type ParetoRecord, type Reading } from './pareto-record.ts'

/** A trace to take thinking out of. */
export interface ParetoTrace {
  readonly trace: Pick<KeptTrace, 'id' | 'question' | 'task' | 'tokens' | 'thinkStart' | 'thinkEnd' | 'answerStart'>
  readonly scores: ThinkingScores
  readonly expected: string
  readonly grading: GradingKind
}

export interface ParetoJob extends Pick<
  ParetoRecord,
  'reading' | 'selection' | 'percent' | 'sample' | 'seed' | 'basis'
> {
  readonly key: string
  readonly of: ParetoTrace
}

/** What is to be answered. */
export interface ParetoPlan {
  readonly readings: readonly Reading[]
  readonly selections: readonly SelectionName[]
  /** Above 0, at most 100. */
  readonly percents: readonly number[]
  /** Answers to each part. */
  readonly samples: number
  readonly seed: number
}

/**
 * Of each trace all of the thinking, then by reading nothing of it, and each selection of each size. Answers of the same number have the same
 * seed in all of them.
 */
export function paretoJobs(traces: readonly ParetoTrace[], plan: ParetoPlan): ParetoJob[] {
  return traces.flatMap((of) => jobsOf(of, plan))
}

function jobsOf(of: ParetoTrace, { readings, selections, percents, samples, seed }: ParetoPlan): ParetoJob[] {
  const { id } = of.trace
  const basisOf = basesOf(of)
  const answers = (part: Pick<ParetoJob, 'reading' | 'selection' | 'percent'>): ParetoJob[] =>
    Array.from({ length: samples }, (_, sample) => {
      const key = paretoKey({ trace: id, ...part, sample })
      return { key, of, ...part, sample, seed: sampleSeed(seed, id, sample), basis: basisOf(part.selection) }
    })
  return [
    ...answers({ reading: null, selection: 'full', percent: 100 }),
    // Jobs of one prompt follow each other: its cells are computed once and copied then.
    ...readings
      .toSorted()
      .flatMap((reading) => [
        ...answers({ reading, selection: 'none', percent: 0 }),
        ...selections.flatMap((selection) => percents.flatMap((percent) => answers({ reading, selection, percent }))),
      ]),
  ]
}

/** Of each selection, the digest of all that decides what is kept and read. */
function basesOf({ trace, scores }: ParetoTrace): (selection: ParetoJob['selection']) => string {
  const { tokens, thinkStart, thinkEnd, answerStart } = trace
  const text = JSON.stringify([tokens.slice(0, answerStart), thinkStart, thinkEnd])
  const digest = (decides?: Float32Array) => {
    const hash = createHash('sha256').update(text)
    if (decides) hash.update(new Uint8Array(decides.buffer, decides.byteOffset, decides.byteLength))
    return hash.digest('hex').slice(0, 16)
  }
  const [plain, measured] = [digest(), digest(scores.importance)]
  const predicted = digest(scores.predicted)
  return (selection) => {
    if (selection === 'top' || selection === 'bottom') return measured
    return selection === 'predicted' ? predicted : plain
  }
}

/** The indices of the thinking tokens that a job keeps, ascending. */
export function keptOf({ of: { trace, scores }, selection, percent, seed }: ParetoJob): Int32Array {
  if (selection === 'none') return new Int32Array()
  if (selection === 'full') return Int32Array.from({ length: trace.thinkEnd - trace.thinkStart }, (_, i) => i)
  return keptTokens(selection, percent, scores, seed)
}

/** What the model is given: question, kept thinking and the closing tag, and what of it leaves the cache. */
export function inputOf(job: ParetoJob): {
  readonly prompt: { readonly tokens: readonly number[] }
  readonly promptEviction: PromptEviction | undefined
} {
  const { reading, of } = job
  const { tokens, thinkStart, thinkEnd, answerStart } = of.trace
  const whole = { prompt: { tokens: tokens.slice(0, answerStart) }, promptEviction: undefined }
  if (reading === null) return whole
  const kept = keptOf(job)
  if (reading === 'cells') {
    const stays = new Set(kept)
    const leaving = Array.from({ length: thinkEnd - thinkStart }, (_, i) => i).filter((i) => !stays.has(i))
    if (leaving.length === 0) return whole
    return { ...whole, promptEviction: { at: thinkEnd, leaving: leaving.map((i) => thinkStart + i) } }
  }
  const thinking = Array.from(kept, (i) => tokens[thinkStart + i] ?? 0)
  const text = [...tokens.slice(0, thinkStart), ...thinking, ...tokens.slice(thinkEnd, answerStart)]
  return { prompt: { tokens: text }, promptEviction: undefined }
}

/** What a job is, for people. */
export function paretoJobTitle({ of, reading, selection, percent, sample }: ParetoJob): string {
  const part = selection === 'full' || selection === 'none' ? selection : `${selection} ${percent} %`
  return `trace ${of.trace.id}, ${part}${reading === null ? '' : ` as ${reading}`}, answer ${sample}`
}
