/**
 * One sample of a trace to be drawn, wherever that is.
 */
import type { Completion } from '../engine/trace-layout.ts'
import type { Executor } from '../jobs/job.ts'
import { jsonDigest } from '../json-digest.ts'
import { largestSeed } from '../llama/index.ts'
import type { TraceQuestion } from './trace-question.ts'

/** What a sample is drawn with. */
export interface TraceSampling {
  readonly temperature: number
  readonly topP: number
  /** 0: off. */
  readonly topK: number
  /** 0: off. */
  readonly minP: number
}

/** One sample to be had. */
export interface TraceJob {
  /** `QUESTION#SAMPLE`: the record's key. */
  readonly id: string
  readonly question: TraceQuestion
  /** From 0. */
  readonly sample: number
  readonly seed: number
  readonly messages: readonly { readonly role: 'system' | 'user' | 'assistant'; readonly content: string }[]
  readonly sampling: TraceSampling
  /** The most tokens to generate. */
  readonly maxTokens: number
}

/** One sample, as it came. */
export interface Sampled {
  readonly completion: Completion
  /** Whether the model ended it by itself. */
  readonly stopped: boolean
}

export interface TraceExecutor extends Executor<TraceJob, Sampled> {
  /** The model's name at the endpoint; undefined for the model itself, wherever it runs. */
  readonly endpointModel?: string | undefined
}

/** What a job is, for people. */
export function traceJobTitle({ id }: TraceJob): string {
  return `sample ${id}`
}

export function traceId(question: string, sample: number): string {
  return `${question}#${sample}`
}

/** The seed of one sample: it depends on nothing but these three, so not on order or on other questions. */
export function sampleSeed(runSeed: number, question: string, sample: number): number {
  return jsonDigest([runSeed, question, sample]).readUInt32BE(0) % (largestSeed + 1)
}
