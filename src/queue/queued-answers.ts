/** The answers of `dynts analyze pareto` in the queue. */
import { answered, type Answered, type AnswerJob } from '../analysis/pareto/answer-job.ts'
import type { KvType } from '../llama/index.ts'
import type { QueuedKind } from './queue-executor.ts'
import { commonFields, contentKey, samplingOf, type QueuedModel } from './queued-job.ts'

export function queuedAnswers(model: QueuedModel, kvType: KvType): QueuedKind<AnswerJob, Answered> {
  return {
    dataOf({ title, tokens, promptEviction, sampling, seed, maxTokens }) {
      const leaving = promptEviction && { at: promptEviction.at, leaving: [...promptEviction.leaving] }
      return {
        ...commonFields(model, title),
        type: 'answer',
        job: {
          ...{ tokens: [...tokens], ...(leaving && { promptEviction: leaving }) },
          ...{ sampling: samplingOf(sampling), seed, maxTokens, kvType },
        },
      }
    },
    keyOf: (_job, data) => contentKey(data),
    resultOf(given) {
      const { data } = answered.safeParse(given)
      return data && { result: data, tokens: data.answerTokens }
    },
  }
}
