import { describe, expect, test } from 'vitest'
import { EngineError, InputError } from '../errors.ts'
import { outcomeOf, type ExecuteOptions, type Executor, type JobOutcome } from './job.ts'
import { runJobs, type RunJobsOptions } from './run-jobs.ts'

const forever = new AbortController().signal
const done = (result: string): JobOutcome<string> => ({ kind: 'done', result })
const failed = (reason: string): JobOutcome<string> => ({ kind: 'failed', error: new Error(reason) })
const turn = () => new Promise(setImmediate)

/** Carries out jobs that are named; notes which are under way and which are settled. */
function executorOf(
  execute: (job: string, options: ExecuteOptions) => Promise<JobOutcome<string> | undefined>,
  parallel = 1,
) {
  const notes = { underWay: 0, mostAtOnce: 0, begun: [] as string[], settled: [] as string[] }
  const executor: Executor<string, string> = {
    parallel,
    execute: async (job, options) => {
      notes.begun.push(job)
      notes.mostAtOnce = Math.max(notes.mostAtOnce, ++notes.underWay)
      try {
        return await execute(job, options)
      } finally {
        notes.underWay--
      }
    },
    settled: (job) => notes.settled.push(job),
    close: () => Promise.resolve(),
  }
  return { executor, notes }
}

async function run(more: Pick<RunJobsOptions<string, string>, 'executor'> & Partial<RunJobsOptions<string, string>>) {
  const recorded: string[] = []
  const record = (job: string, { kind }: JobOutcome<string>) => void recorded.push(`${job} ${kind}`)
  const ran = await runJobs({ jobs: ['a', 'b', 'c'], signal: forever, maxFailures: 2, record, ...more })
  return { ...ran, recorded }
}

describe('runJobs', () => {
  test('records every outcome in the order in which jobs end, one at a time', async () => {
    const ends: Record<string, number> = { a: 3, b: 1, c: 2 }
    const { executor, notes } = executorOf(async (job) => {
      for (let i = 0; i < ends[job]!; i++) await turn()
      return job === 'c' ? { kind: 'refused', reason: 'too long' } : done(job)
    }, 3)
    let recording = 0
    const recorded: string[] = []
    const record = async (job: string) => {
      expect(++recording).toBe(1)
      // The first to end takes longest to be recorded.
      for (let i = 0; i < (job === 'b' ? 20 : 1); i++) await turn()
      recording--
      recorded.push(job)
    }
    expect(await run({ executor, record })).toMatchObject({ failed: 0, skipped: 0 })
    expect(recorded).toEqual(['b', 'c', 'a'])
    expect(notes).toMatchObject({ mostAtOnce: 3, settled: ['b', 'c', 'a'] })
  })

  test('goes on after a failure', async () => {
    const { executor } = executorOf((job) => Promise.resolve(job === 'a' ? failed('oh') : done(job)))
    expect(await run({ executor })).toEqual({ failed: 1, skipped: 0, recorded: ['a failed', 'b done', 'c done'] })
  })

  test('leaves the others out after too many failures, and ends what is under way', async () => {
    const jobs = ['a', 'b', 'c', 'd', 'e']
    const { executor, notes } = executorOf(async (job, { signal }) => {
      if (job !== 'b') return failed(job)
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
      return undefined
    }, 2)
    const ran = await run({ executor, jobs })
    expect(ran).toEqual({ failed: 2, skipped: 3, recorded: ['a failed', 'c failed'] })
    expect(notes.begun).toEqual(['a', 'b', 'c'])
    expect(new Set(notes.settled)).toEqual(new Set(jobs))
  })

  test('what the executor throws ends the run; what had ended is recorded', async () => {
    const { executor, notes } = executorOf((job) =>
      job === 'b' ? Promise.reject(new EngineError('decode_failed', 'broken')) : Promise.resolve(done(job)),
    )
    const recorded: string[] = []
    const record = (job: string) => void recorded.push(job)
    await expect(run({ executor, record })).rejects.toThrow('broken')
    expect({ recorded, begun: notes.begun }).toEqual({ recorded: ['a'], begun: ['a', 'b'] })
  })

  test('what cannot be recorded ends the run, and is not settled', async () => {
    const { executor, notes } = executorOf(async (job) => {
      await turn()
      return done(job)
    })
    const record = () => Promise.reject(new Error('the disk is full'))
    await expect(run({ executor, record })).rejects.toThrow('the disk is full')
    expect(notes.settled).toEqual([])
  })

  test('the caller’s signal ends it: nothing is skipped, failed or settled', async () => {
    const stop = new AbortController()
    const { executor, notes } = executorOf(async (job, { signal }) => {
      if (job === 'a') return done(job)
      stop.abort()
      await turn()
      signal.throwIfAborted()
      return done(job)
    })
    expect(await run({ executor, signal: stop.signal })).toEqual({ failed: 0, skipped: 0, recorded: ['a done'] })
    expect(notes).toMatchObject({ begun: ['a', 'b'], settled: ['a'] })
  })

  test('no jobs', async () => {
    const { executor } = executorOf(() => Promise.reject(new Error('never')), Infinity)
    expect(await run({ executor, jobs: [] })).toEqual({ failed: 0, skipped: 0, recorded: [] })
  })
})

test.each([
  ['what ends well', () => Promise.resolve(done('x')), undefined],
  ['what fails', () => Promise.reject(new EngineError('broken', 'it broke')), 'it broke'],
])('an executor that is opened for the jobs is closed behind %s', async (_what, execute, failure) => {
  const { executor } = executorOf(execute)
  const states: string[] = []
  const open = () => {
    states.push('opened')
    return Promise.resolve({ ...executor, close: () => Promise.resolve(void states.push('closed')) })
  }
  const running = run({ executor: open })
  if (failure === undefined) expect((await running).recorded).toEqual(['a done', 'b done', 'c done'])
  else await expect(running).rejects.toThrow(failure)
  expect(states).toEqual(['opened', 'closed'])
})

describe('outcomeOf', () => {
  const aborted = AbortSignal.abort()
  test('an InputError is the job’s own failure, anything else is not', async () => {
    const error = new InputError('policy_failed', 'no')
    expect(await outcomeOf(forever, () => Promise.reject(error))).toEqual({ kind: 'failed', error })
    expect(await outcomeOf(forever, () => Promise.resolve(1))).toEqual({ kind: 'done', result: 1 })
    expect(await outcomeOf(aborted, () => Promise.reject(error))).toBeUndefined()
    await expect(outcomeOf(forever, () => Promise.reject(new EngineError('x', 'broken')))).rejects.toThrow('broken')
    await expect(outcomeOf(forever, () => Promise.reject(new TypeError('a bug')))).rejects.toThrow('a bug')
  })
})
