/**
 * What a job in the queue says: plain data, complete, checked by the worker that takes it. Policies go by their names only: no
 * worker runs a file because a job says so. Carries out nothing.
 */
import { z } from 'zod'
import type { TemplateOptions } from '../engine/locate-model.ts'
import { InputError } from '../errors.ts'
import { policyNames } from '../eviction/registry.ts'
import { givenTrace, identityShape, jobFields, type EvalIdentity } from '../evaluation/run/eval-job.ts'
import { jsonDigest } from '../json-digest.ts'
import { kvTypes } from '../llama/index.ts'
import { pick } from '../pick.ts'
import type { TraceSampling } from '../traces/trace-job.ts'

const queuedJobSchema = 'dynts.job/1'

const tokens = z.array(z.int().nonnegative())

const common = {
  schema: z.literal(queuedJobSchema),
  /** What it is, for people. */
  title: z.string(),
  /** Where the model is, as whoever added the job named it. */
  model: z.string(),
  /** The predictor's file, likewise; null: the one that is found beside the model, if the identity has one. */
  predictor: z.string().nullable(),
  /** What is given in place of the model's own. */
  template: z
    .object({
      chatTemplate: z.string().optional(),
      templateVariables: z.record(z.string(), z.unknown()).optional(),
      thinkingTags: z.object({ open: z.string(), close: z.string() }).optional(),
    })
    .default({}),
  /** What model, predictor and template must be, wherever they are. */
  identity: identityShape,
}

const sampleFields = { ...jobFields, policy: z.string(), policyHash: z.null() }
const evalJob = z.discriminatedUnion('kind', [
  z.object({ ...sampleFields, kind: z.literal('sample') }),
  z.object({
    ...sampleFields,
    kind: z.literal('replay'),
    reference: givenTrace.partial({ promptTokens: true }).extend({ key: z.string() }),
  }),
])

const sampling = z.object({ temperature: z.number(), topP: z.number(), topK: z.number(), minP: z.number() })

/** One sample of `dynts trace`. */
const traceSample = z.object({
  messages: z.array(z.object({ role: z.enum(['system', 'user', 'assistant']), content: z.string() })),
  sampling,
  seed: z.int().nonnegative(),
  maxTokens: z.int().positive(),
  kvType: z.enum(kvTypes),
})

/** One answer of `dynts analyze pareto`. */
const partAnswer = z.object({
  tokens,
  promptEviction: z.object({ at: z.int().positive(), leaving: tokens }).optional(),
  sampling,
  seed: z.int().nonnegative(),
  maxTokens: z.int().positive(),
  kvType: z.enum(kvTypes),
})

const queuedJob = z.discriminatedUnion('type', [
  z.object({ ...common, type: z.literal('eval'), job: evalJob }),
  z.object({ ...common, type: z.literal('trace'), job: traceSample }),
  z.object({ ...common, type: z.literal('answer'), job: partAnswer }),
])
export type QueuedJob = z.infer<typeof queuedJob>
export type QueuedTrace = z.infer<typeof traceSample>

/** What comes back of a sample of `dynts trace`. */
export const sampledTrace = z.object({ completion: tokens, stopped: z.boolean() })

/** Which model jobs are for. */
export interface QueuedModel {
  readonly reference: string
  /** File of the predictor, if it was named. */
  readonly predictor: string | undefined
  readonly template: TemplateOptions
  readonly identity: EvalIdentity
}

/** Of a sampling only what is its own, in this order. */
export function samplingOf(sampling: TraceSampling): TraceSampling {
  return pick(sampling, ['temperature', 'topP', 'topK', 'minP'])
}

export function commonFields({ reference, predictor, template, identity }: QueuedModel, title: string) {
  const files = { model: reference, predictor: predictor ?? null }
  return { schema: queuedJobSchema, title, ...files, template, identity } as const
}

/** All that the result of a sample or an answer depends on; the title tells jobs apart that happen to be equal. */
export function contentKey({ title, identity, job }: Pick<QueuedJob, 'title' | 'identity' | 'job'>): string {
  return jsonDigest([title, identity, job]).toString('hex').slice(0, 32)
}

/** A job that this worker cannot carry out, and another one may. */
export class RefusedHere extends InputError {}

/**
 * @throws RefusedHere `other_version` for a job of another version of dynts; InputError `invalid_job`, `unknown_policy`
 */
export function readQueuedJob(data: unknown): QueuedJob {
  const { schema } = (typeof data === 'object' && data !== null ? data : {}) as { readonly schema?: unknown }
  if (schema !== queuedJobSchema) {
    throw new RefusedHere('other_version', 'the job was added by another version of dynts than this worker’s')
  }
  const { data: job, error } = queuedJob.safeParse(data)
  if (!job) {
    const [issue] = error.issues
    throw new InputError('invalid_job', `the job is not as expected: ${issue?.path.join('.')}: ${issue?.message}`)
  }
  if (job.type === 'eval' && !policyNames().includes(job.job.policy)) {
    throw new InputError('unknown_policy', `a worker runs the policies of dynts only, not ${job.job.policy}`)
  }
  return job
}
