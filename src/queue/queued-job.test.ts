import { describe, expect, test } from 'vitest'
import { identity, jobOf } from '../evaluation/run/records.fake.ts'
import { commonFields, readQueuedJob, RefusedHere } from './queued-job.ts'

const queued = (more: object = {}) => {
  const common = commonFields({ reference: 'tiny', predictor: undefined, template: {}, identity }, 'a job')
  return { ...common, type: 'eval', job: { ...jobOf(), ...more } }
}

describe('readQueuedJob', () => {
  test.each([
    ['a sample', {}],
    ['the replay of a sample', { kind: 'replay', reference: { key: 'k', tokens: [1, 2], answerFrom: 1 } }],
    [
      'the replay of a given trace',
      { kind: 'replay', reference: { key: 'k', promptTokens: [7], tokens: [1, 2], answerFrom: 1 } },
    ],
  ])('gives what was added, after its way as JSON: %s', (_what, more) => {
    expect(readQueuedJob(JSON.parse(JSON.stringify(queued(more))))).toEqual(queued(more))
  })

  test.each(['./evil.mjs', '/tmp/evil.ts', 'file:///tmp/evil.js', 'evil'])('runs no policy %s', (policy) => {
    expect(() => readQueuedJob(queued({ policy }))).toThrow(/a worker runs the policies of dynts only/)
  })

  test('a job that is none is wrong everywhere; one of another version may be for others', () => {
    expect(() => readQueuedJob(queued({ prompt: 1 }))).toThrow(/the job is not as expected: job\.prompt/)
    expect(() => readQueuedJob({ ...queued(), schema: 'dynts.job/9' })).toThrow(RefusedHere)
    expect(() => readQueuedJob(undefined)).toThrow(RefusedHere)
  })
})
