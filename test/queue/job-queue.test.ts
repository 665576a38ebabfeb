/**
 * The two sides of the queue with a real Redis and without a model: jobs that are taken away, and servers that go away.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { identity } from '../../src/evaluation/run/records.fake.ts'
import { openQueue, release, type JobsQueue } from '../../src/queue/connection.ts'
import { JobQueue } from '../../src/queue/job-queue.ts'
import { serveJobs } from '../../src/queue/job-worker.ts'
import { commonFields, type QueuedJob } from '../../src/queue/queued-job.ts'
import { skipsRedis, startRedis, type RedisServer } from '../support/redis-server.ts'

const jobFor = (reference: string): QueuedJob => ({
  ...commonFields({ reference, predictor: undefined, template: {}, identity }, 'a sample'),
  type: 'trace',
  job: {
    messages: [{ role: 'user', content: '?' }],
    sampling: { temperature: 1, topP: 1, topK: 0, minP: 0 },
    seed: 1,
    maxTokens: 1,
    kvType: 'f16',
  },
})
const forever = new AbortController().signal

const folder = mkdtempSync(join(tmpdir(), 'dynts-queue-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
let runs = 0

let redis: RedisServer
let queue: JobsQueue
const ending: (() => unknown)[] = []
beforeEach(async () => {
  if (skipsRedis) return
  redis = await startRedis()
  queue = await openQueue(redis.address)
  queue.removeAllListeners('error').on('error', () => undefined)
})
afterEach(async () => {
  if (skipsRedis) return
  for (const end of ending.splice(0)) await end()
  await release(queue)
  await redis.stop()
})

async function open(runFile: string, { resume = true } = {}): Promise<JobQueue> {
  const opened = await JobQueue.open({ address: redis.address, runFile, resume, onNote: () => undefined })
  ending.push(() => opened.close(false))
  return opened
}
const newRunFile = () => join(folder, `${++runs}.json`)

/** A worker whose jobs end when the test says so. */
function serve(leaseMs = 60_000) {
  const controller = new AbortController()
  const held: { readonly data: QueuedJob; readonly signal: AbortSignal; readonly finish: (result: unknown) => void }[] =
    []
  const notes: string[] = []
  const execute = (data: unknown, signal: AbortSignal) =>
    new Promise<unknown>((resolve) => {
      signal.addEventListener('abort', () => resolve(undefined))
      held.push({ data: data as QueuedJob, signal, finish: resolve })
    })
  const served = serveJobs({
    ...{ address: redis.address, parallel: 1, leaseMs, once: false, signal: controller.signal, execute },
    onOpen: () => undefined,
    onNote: (text) => notes.push(text),
  })
  served.catch(() => undefined)
  const end = () => controller.abort()
  ending.push(async () => {
    end()
    await served.catch(() => undefined)
  })
  return { held, notes, served, end }
}

async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await what())) await sleep(5)
}
const everyState = ['wait', 'active', 'delayed', 'prioritized', 'paused', 'completed', 'failed'] as const
const idsLeft = async () => await queue.getRanges([...everyState], 0, -1)

describe.skipIf(skipsRedis)('a run that begins anew', { timeout: 120_000 }, () => {
  test('takes its old jobs from the worker that holds them, and that worker goes on with others', async () => {
    const runFile = newRunFile()
    const worker = serve(2000)
    const heldOf = (model: string) => worker.held.filter(({ data }) => data.model === model)
    const old = await open(runFile)
    const oldOutcome = old.execute('a1', jobFor('old'), forever)
    await until(() => worker.held.length > 0)
    const [oldId] = await idsLeft()
    await old.close(false)
    expect(await oldOutcome).toBeUndefined()

    const anew = await open(runFile, { resume: false })
    const outcome = anew.execute('a1', jobFor('new'), forever)
    await until(() => heldOf('new').length > 0)
    expect(heldOf('old').map(({ signal }) => signal.aborted)).not.toContain(false)
    expect(await idsLeft()).not.toContain(oldId)
    for (const { finish } of heldOf('new')) finish({ answer: 42 })
    expect(await outcome).toEqual({ kind: 'done', result: { answer: 42 } })
    anew.settled('a1')
    await anew.close(true)
    expect(await idsLeft()).toEqual([])
    expect(worker.notes.join()).toContain('a job is no longer this worker’s')
    worker.end()
    expect(await worker.served).toEqual({ done: 1, failed: 0, handedBack: true })
  })

  test('describes anew what nobody has begun: its model may have another name now', async () => {
    const runFile = newRunFile()
    const first = await open(runFile)
    void first.execute('a1', jobFor('./wrong.gguf'), forever)
    await until(async () => (await idsLeft()).length === 1)
    const before = await idsLeft()
    await first.close(false)
    const second = await open(runFile)
    const outcome = second.execute('a1', jobFor('./right.gguf'), forever)
    await until(async () => {
      const [job] = await queue.getJobs(['wait'])
      return (job?.data as QueuedJob | undefined)?.model === './right.gguf'
    })
    expect(await idsLeft()).toEqual(before)
    const worker = serve()
    await until(() => worker.held.length === 1)
    worker.held[0]!.finish('done')
    expect(await outcome).toEqual({ kind: 'done', result: 'done' })
  })

  test('keeps what is done and what is being done', async () => {
    const runFile = newRunFile()
    const worker = serve()
    const first = await open(runFile)
    for (const key of ['a1', 'b2']) void first.execute(key, jobFor('tiny'), forever)
    await until(() => worker.held.length === 1)
    await first.close(false)
    worker.held[0]!.finish('first')
    await until(() => worker.held.length === 2)
    const second = await open(runFile)
    const outcomes = ['a1', 'b2'].map((key) => second.execute(key, jobFor('tiny'), forever))
    expect(await outcomes[0]).toEqual({ kind: 'done', result: 'first' })
    worker.held[1]!.finish('second')
    expect(await outcomes[1]).toEqual({ kind: 'done', result: 'second' })
    expect(worker.held).toHaveLength(2)
  })
})

describe.skipIf(skipsRedis)('a server that goes away', { timeout: 120_000 }, () => {
  test('keeps no worker from ending, with a job or without', async () => {
    const [busy, idle] = [serve(), serve()]
    const run = await open(newRunFile())
    void run.execute('a1', jobFor('tiny'), forever)
    await until(async () => busy.held.length + idle.held.length === 1 && (await queue.getWorkersCount()) === 2)
    await redis.stop()
    for (const worker of [busy, idle]) await until(() => worker.notes.length > 0)
    busy.end()
    idle.end()
    expect(await busy.served).toEqual({ done: 0, failed: 0, handedBack: false })
    expect(await idle.served).toEqual({ done: 0, failed: 0, handedBack: false })
  })

  test('keeps no run from ending', async () => {
    const runFile = newRunFile()
    const run = await open(runFile)
    const outcome = run.execute('a1', jobFor('tiny'), forever)
    await until(async () => (await idsLeft()).length === 1)
    await redis.stop()
    await run.close(true)
    expect(await outcome).toBeUndefined()
  })
})
