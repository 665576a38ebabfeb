/** A misspelt option of the library is refused before anything is done, whatever else is missing. */
import { expect, test } from 'vitest'
import * as library from './index.ts'

const plan = { identity: {}, seed: 1, kvType: 'f16', metrics: ['pass'], tasks: [] as unknown[] }
const task = { name: 't', source: '', items: [], sampling: {}, maxTokens: 1, samples: 1 }
const calls: readonly [string, object, string][] = [
  ['readQuestions', { answerfield: 'x' }, 'answerField'],
  ['makePlan', { ...plan, metric: [] }, 'metrics'],
  ['makePlan', { ...plan, tasks: [{ ...task, sample: 2, points: [] }] }, 'samples'],
  ['makePlan', { ...plan, tasks: [{ ...task, points: [{ policy: 'full', local_window: 3 }] }] }, 'localWindow'],
  ['runEval', { paralel: () => 1 }, 'parallel'],
  ['summarise', { allowmissing: true }, 'allowMissing'],
  ['sampleTraces', { maxToken: 5 }, 'maxTokens'],
  ['extractImportance', { tokensPerTraces: 5 }, 'tokensPerTrace'],
  ['trainPredictor', { minTrace: 5 }, 'minTraces'],
]

test.each(calls)('%s %j', async (name, options, meant) => {
  const call = library[name as keyof typeof library] as unknown as (...given: unknown[]) => unknown
  const given = ['readQuestions', 'summarise'].includes(name) ? ['nowhere', options] : [options]
  const error: unknown = await Promise.resolve()
    .then(() => call(...given))
    .catch((reason: unknown) => reason)
  expect(error).toMatchObject({ name: 'InputError', code: 'invalid_option' })
  expect((error as Error).message).toContain(`Did you mean ${meant}?`)
})
