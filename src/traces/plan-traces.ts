/**
 * What a run still has to sample: one job for each sample that is not recorded. Samples nothing.
 */
import type { Model } from '../engine/model.ts'
import type { TraceLayout } from '../engine/trace-layout.ts'
import { sampleSeed, traceId, type TraceJob, type TraceSampling } from './trace-job.ts'
import { contentOf, type TraceQuestion } from './trace-question.ts'

/** What is to be sampled. */
export interface SamplingPlanOptions {
  /** Its vocabulary is enough to plan. */
  readonly model: Model
  readonly questions: readonly TraceQuestion[]
  /** Of each question. */
  readonly samples: number
  readonly sampling: TraceSampling
  /** The most tokens to generate. */
  readonly maxTokens: number
  /** The most tokens of a kept trace, prompt included. */
  readonly maxLength: number
  /**
   * Added behind each question, except behind a task's, which is a whole prompt, and the embedded model's own: it has seen none.
   * Undefined: the sentences of the evaluation, which ask for the letter where there are choices.
   */
  readonly instruction?: string | undefined
  readonly seed: number
}

export interface PlanTracesOptions extends SamplingPlanOptions {
  /** Whether a sample is recorded already. */
  readonly has: (id: string) => boolean
  readonly signal: AbortSignal
}

export interface TracePlan {
  readonly jobs: readonly TraceJob[]
  /** Samples whose prompt alone is too long; nothing need be generated to know. */
  readonly tooLong: readonly { readonly job: TraceJob; readonly layout: TraceLayout }[]
  /** Cells of the longest job under the full cache. */
  readonly cells: number
}

/** @throws InputError `chat_template` if the model's template refuses a question */
export async function planTraces(options: PlanTracesOptions): Promise<TracePlan> {
  const { model, questions, samples, sampling, maxTokens, maxLength, instruction, seed, has, signal } = options
  const { trainedContext } = model.info
  const jobs: TraceJob[] = []
  const tooLong: TracePlan['tooLong'][number][] = []
  let cells = 1
  for (const question of questions) {
    if (signal.aborted) break
    const all = Array.from({ length: samples }, (_, sample) => sample)
    const missing = all.filter((sample) => !has(traceId(question.id, sample)))
    if (missing.length === 0) continue
    const messages: TraceJob['messages'] = [{ role: 'user', content: contentOf(question, instruction) }]
    const layout = await model.layout({ prompt: { messages }, completion: [] })
    // One token above the limit tells a trace that ends there from one that goes on.
    const room = Math.min(maxLength + 1, trainedContext) - layout.promptTokens
    const most = Math.min(maxTokens, room)
    for (const sample of missing) {
      const id = traceId(question.id, sample)
      const itemSeed = sampleSeed(seed, question.id, sample)
      const job = { id, question, sample, seed: itemSeed, messages, sampling, maxTokens: most }
      if (room < 1) tooLong.push({ job, layout })
      else jobs.push(job)
    }
    // The last token that is generated is not consumed.
    if (room >= 1) cells = Math.max(cells, layout.promptTokens + most - 1)
  }
  return { jobs, tooLong, cells }
}
