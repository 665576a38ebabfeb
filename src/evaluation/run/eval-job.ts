/**
 * One thing to measure: a sample, or the replay of a trace. Plain data, so that it can go to another process or machine; its key
 * says what it is, wherever and in whatever order it is carried out. Carries out nothing.
 */
import { z } from 'zod'
import { formatPolicyReference, protectableParts } from '../../eviction/protect.ts'
import { kvTypes, largestSeed } from '../../llama/index.ts'
import { jsonDigest } from '../../json-digest.ts'
import { pick } from '../../pick.ts'
import { gradingKinds } from '../grading/grade-answer.ts'
import type { GivenTrace } from '../tasks/task.ts'

/** How a cache is bounded. */
export const boundFields = {
  /** B, W_l (cells), and the ratio or K; null: the full cache, of the last two also the one that is not given. */
  budget: z.int().nullable(),
  localWindow: z.int().nullable(),
  ratio: z.number().nullable(),
  evictEvery: z.int().positive().nullable().default(null),
  /** Of the candidates, whose shares stay; null: there are none. */
  segments: z.int().min(2).nullable().default(null),
  /** Share of the budget for the largest values; null: none. */
  valueReserve: z.number().positive().lt(1).nullable().default(null),
}

/** How a cache is bounded, and how tokens are drawn. */
export const jobSettings = z.object({
  ...boundFields,
  maxTokens: z.int().positive(),
  sampling: z.object({ temperature: z.number(), topP: z.number(), topK: z.number() }),
  kvType: z.enum(kvTypes),
})

/** Under which policy. */
export const policyFields = {
  /** Its name; of a user's own the name of the file. */
  policy: z.string(),
  policyOptions: z.record(z.string(), z.unknown()),
  /** SHA-256 of a user's own policy file; null: one of dynts. */
  policyHash: z.string().nullable(),
  /** What is protected beyond what the policy protects by itself. */
  protect: z.array(z.enum(protectableParts)).readonly().default([]),
}

/** What a record keeps of its job. */
export const jobFields = {
  task: z.string(),
  /** Id within the task. */
  item: z.string(),
  prompt: z.string(),
  expected: z.string(),
  grading: z.enum(gradingKinds),
  /** Which sample of the item, from 0. */
  sample: z.int().nonnegative(),
  ...policyFields,
  settings: jobSettings,
  /** Of this item and sample, the same under every policy. */
  seed: z.int().nonnegative(),
}

export const evalKinds = ['sample', 'replay'] as const
export type EvalKind = (typeof evalKinds)[number]
export type JobSettings = z.infer<typeof jobSettings>

type Of<Shape extends z.ZodRawShape> = Readonly<z.infer<z.ZodObject<Shape>>>

/** A job without what only its carrying out needs. */
export interface PlannedJob extends Readonly<z.infer<z.ZodObject<typeof jobFields>>> {
  readonly kind: EvalKind
}

/** The fields of `boundFields` alone, in their order; likewise the next two. */
export function boundOf(one: Of<typeof boundFields>): Of<typeof boundFields> {
  return pick(one, namesOf(boundFields))
}

export function policyOf(one: Of<typeof policyFields>): Of<typeof policyFields> {
  return pick(one, namesOf(policyFields))
}

export function jobFieldsOf(one: Of<typeof jobFields>): Of<typeof jobFields> {
  return pick(one, namesOf(jobFields))
}

function namesOf<T extends object>(fields: T): (keyof T)[] {
  return Object.keys(fields) as (keyof T)[]
}

const tokens = z.array(z.int().nonnegative()).readonly()
/** As `GivenTrace`. */
export const givenTrace = z.object({
  promptTokens: tokens,
  tokens,
  answerFrom: z.int().nonnegative(),
  fact: z.object({ from: z.int().nonnegative(), to: z.int().positive(), distance: z.int().positive() }).optional(),
})

/** A trace to replay. */
export interface ReplayReference extends Omit<GivenTrace, 'promptTokens'> {
  /** Key of the record that it is from, or of the given trace. */
  readonly key: string
  /** Of a given trace: the prompt's tokens, in place of the job's text. */
  readonly promptTokens?: readonly number[] | undefined
}

export type EvalJob =
  | (PlannedJob & { readonly kind: 'sample' })
  | (PlannedJob & { readonly kind: 'replay'; readonly reference: ReplayReference })

const modelIdentity = z.object({
  name: z.string(),
  architecture: z.string(),
  hiddenSize: z.int(),
  layers: z.int(),
  vocabularySize: z.int(),
  quantization: z.string(),
  /** Of the file. */
  bytes: z.int(),
  /** Of the file; of one over 64 MiB: of its size, first and last MiB. */
  sha256: z.string(),
})

export const identityFields = {
  model: modelIdentity,
  /** SHA-256 of the predictor's file, taken as for the model; null: none. */
  predictor: z.string().nullable(),
  /** SHA-256 of the chat template, variables and tags that were given (`templateHash`); null: the model's own. */
  template: z.string().nullable().default(null),
}
export const identityShape = z.object(identityFields)
/** With what a job is carried out. */
export type EvalIdentity = Readonly<z.infer<typeof identityShape>>

/** A model for messages. */
export function describeModel({ name, quantization, bytes }: EvalIdentity['model']): string {
  return `${name} (${quantization}, ${bytes} bytes)`
}

/**
 * What a record is the result of: 32 hexadecimal digits of the SHA-256 over kind, task, item with its question and its right
 * answer, sample, policy with options and protection, settings, seed, model, predictor and template. Two records with the same key
 * measure the same.
 */
export function jobKey(job: PlannedJob, { model, predictor, template }: EvalIdentity): string {
  const { kind, task, item, prompt, expected, grading, sample, settings, seed } = job
  const { policy, policyOptions, policyHash, protect } = job
  const { budget, localWindow, ratio, evictEvery, segments, valueReserve, maxTokens, sampling, kvType } = settings
  const { temperature, topP, topK } = sampling
  const { name, architecture, hiddenSize, layers, vocabularySize, quantization, bytes, sha256 } = model
  const parts = [
    [kind, task, item, prompt, expected, grading, sample],
    // Without protection the key is that of a record that does not know of it.
    [policy, sorted(policyOptions), policyHash, ...(protect.length > 0 ? [protect] : [])],
    [
      ...[budget, localWindow, ratio, maxTokens, temperature, topP, topK, kvType],
      ...sharesOf(evictEvery, segments, valueReserve),
    ],
    seed,
    [name, architecture, hiddenSize, layers, vocabularySize, quantization, bytes, sha256],
    predictor,
    // Likewise without a template of one's own.
    ...(template === null ? [] : [template]),
  ]
  return jsonDigest(parts).toString('hex').slice(0, 32)
}

/** Nothing where a ratio alone says what stays, as in records that know of nothing else. */
function sharesOf(
  evictEvery: number | null,
  segments: number | null,
  valueReserve: number | null,
): readonly (number | null)[] {
  if (valueReserve !== null) return [evictEvery, segments, valueReserve]
  if (segments !== null) return [evictEvery, segments]
  return evictEvery === null ? [] : [evictEvery]
}

/** What a job is, for people. */
export function evalJobTitle({ kind, task, item, sample, policy, protect }: PlannedJob): string {
  const under = formatPolicyReference({ policy, protect })
  return `${task} ${item} sample ${sample} under ${under}${kind === 'replay' ? ', replay,' : ''}`
}

/** The seed of an item's sample: it depends on nothing but these, so neither on the policy nor on the order of work. */
export function itemSeed(runSeed: number, task: string, item: string, sample: number): number {
  return jsonDigest([runSeed, task, item, sample]).readUInt32LE() % (largestSeed + 1)
}

/** One of `count` parts of a run. */
export interface Shard {
  /** From 1. */
  readonly index: number
  readonly count: number
}

/**
 * Whether a job belongs to a part. The parts are disjoint and together everything. All policies' jobs of one sample are in the
 * same part, so that comparisons stay paired, and replays find their traces, within it.
 */
export function isInShard(job: PlannedJob, { index, count }: Shard): boolean {
  return shardOf(job, count) === index
}

/** Which of `count` parts a job belongs to, from 1. */
export function shardOf({ task, item, sample }: Pick<PlannedJob, 'task' | 'item' | 'sample'>, count: number): number {
  return (jsonDigest(['shard', task, item, sample]).readUInt32LE() % count) + 1
}

function sorted(options: Readonly<Record<string, unknown>>): [string, unknown][] {
  return Object.entries(options).sort(([a], [b]) => (a < b ? -1 : 1))
}
