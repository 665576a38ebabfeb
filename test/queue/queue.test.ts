/**
 * `--queue` and `dynts worker` with a real Redis: workers and whoever waits for them are killed, and nothing is lost or twice.
 */
import type { ChildProcess } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { generateChainProblem } from '../../src/evaluation/chain-problem.ts'
import { openQueue, type JobsQueue } from '../../src/queue/connection.ts'
import { dynts, scratch, type Finished, type RunSettings } from '../cli/run-dynts.ts'
import { skipsRedis, startRedis, type RedisServer } from '../support/redis-server.ts'

const at = (name: string) => join(scratch, name)
const file = at('short.jsonl')
const problems = [1, 2, 3, 4].map((seed) => ({ id: `p${seed}`, ...generateChainProblem(seed, { people: 4 }) }))
writeFileSync(file, problems.map((problem) => `${JSON.stringify(problem)}\n`).join(''))

const here = ['--threads', '1', '--parallel', '1']
const evaluation = [
  ...['eval', '--task', 'chain', '--file', file, '--budget', '128', '--max-tokens', '160', '--offline'],
  ...['--policy', 'full,dynts,window', '--metric', 'pass,replay-loss', '--samples', '2', '--limit', '2'],
]
/** Of a machine that does other work as well. */
const patience = { command: 240_000, test: 300_000 }
const tracing = [
  ...['trace', '--model', 'tiny', '--questions', file, '--limit', '2', '--samples', '5', '--max-tokens', '160'],
  '--offline',
]

/** A process that goes on while the test does. */
interface Running {
  readonly child: ChildProcess
  readonly ended: Promise<Finished>
}

/** A Redis of the test's own, and the processes that it starts: all of them end with the test. */
class Site implements AsyncDisposable {
  readonly #running: Running[] = []
  readonly #redis: RedisServer
  readonly queue: JobsQueue

  private constructor(redis: RedisServer, queue: JobsQueue) {
    this.#redis = redis
    this.queue = queue
  }

  static async open(): Promise<Site> {
    const redis = await startRedis()
    return new Site(redis, await openQueue(redis.address))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { child, ended } of this.#running) {
      child.kill('SIGKILL')
      await ended.catch(() => undefined)
    }
    await this.queue.close()
    await this.#redis.stop()
  }

  get address(): string {
    return this.#redis.address
  }

  start(args: readonly string[], settings: RunSettings = {}): Running {
    let child: ChildProcess | undefined
    const ended = dynts(args, { timeoutMs: patience.command, ...settings, onStart: (process) => (child = process) })
    ended.catch(() => undefined)
    const started = { child: child!, ended }
    this.#running.push(started)
    return started
  }

  worker(more: readonly string[] = []): Running {
    return this.start(['worker', '--queue', this.address, '--lease', '3', '--offline', ...here, ...more])
  }

  async active(): Promise<number> {
    return (await this.queue.getJobCounts('active'))['active'] ?? 0
  }

  /** Jobs of whatever run. */
  async jobsLeft(): Promise<string[]> {
    return await this.queue.getRanges(
      ['wait', 'active', 'delayed', 'prioritized', 'paused', 'completed', 'failed'],
      0,
      -1,
    )
  }
}

const linesOf = (path: string) =>
  existsSync(path) ? readFileSync(path, 'utf8').trimEnd().split('\n').filter(Boolean) : []
/** Without what differs from run to run. */
const recordsOf = (path: string) =>
  linesOf(path)
    .map((line) => ({ ...(JSON.parse(line) as object), wallMs: 0, forwardMs: 0, evictionMs: 0, at: '' }))
    .map((record) => JSON.stringify(record))
    .sort()
async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  const late = performance.now() + patience.command
  while (!(await what())) {
    if (performance.now() > late) throw new Error(`it never came true: ${String(what)}`)
    await sleep(5)
  }
}
async function kill(...all: readonly Running[]): Promise<void> {
  for (const { child } of all) child.kill('SIGKILL')
  for (const { ended } of all) expect((await ended).signal).toBe('SIGKILL')
}
/** Most of the time they wait for a lease to end. */
const together = { concurrent: true, timeout: patience.test }

describe.skipIf(skipsRedis)('dynts eval --queue', together, () => {
  test('killed workers and a killed coordinator leave the records of an unbroken run, each once', async () => {
    await using site = await Site.open()
    const unbroken = site.start([...evaluation, ...here, '-o', at('whole')])
    const command = [...evaluation, '--queue', site.address, '-o', at('queued')]
    const records = at('queued/records.jsonl')
    const [first, second, third] = [site.worker(), site.worker(), site.worker()]
    await until(async () => (await site.queue.getWorkersCount()) === 3)
    const coordinator = site.start(command)
    await until(async () => linesOf(records).length >= 3 && (await site.active()) === 3)
    // The third is held up, so that nothing ends before the coordinator does.
    third.child.kill('SIGSTOP')
    await kill(first, second, coordinator)
    const before = linesOf(records).length
    third.child.kill('SIGCONT')
    // It goes on alone; results wait for whoever asks.
    await until(async () => ((await site.queue.getJobCounts('completed'))['completed'] ?? 0) >= 2)

    const { code, stderr, stdout } = await site.start(command).ended
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(stderr).toContain(`${before} of 24 samples are in ${at('queued')} already`)
    expect(stdout).toMatch(/^chain \(short\.jsonl\): B 128, W_l 32, ratio 0\.5;/m)
    expect(stdout).not.toContain('missing')

    expect(await unbroken.ended).toMatchObject({ code: 0 })
    expect(recordsOf(records)).toEqual(recordsOf(at('whole/records.jsonl')))
    expect(recordsOf(records)).toHaveLength(24)
    const [plan, wholePlan] = ['queued', 'whole'].map((name) => readFileSync(at(`${name}/plan.json`), 'utf8'))
    expect(JSON.parse(plan!)).toEqual(JSON.parse(wholePlan!))
    expect(await site.jobsLeft()).toEqual([])

    third.child.kill('SIGINT')
    expect(await third.ended).toMatchObject({ code: 130 })
  })

  test('workers use the template that was given', async () => {
    await using site = await Site.open()
    const template = ['--chat-template', '{{ messages[0].content }}{{ last }}', '--template-var', 'last=<think>']
    const few = ['--limit', '1', '--samples', '1', '--policy', 'window', '--metric', 'pass', ...template]
    const queued = site.start([...evaluation, ...few, '--queue', site.address, '-o', at('template')])
    expect(await site.start([...evaluation, ...few, ...here, '-o', at('template-here')]).ended).toMatchObject({
      code: 0,
    })
    expect(await site.worker(['--once']).ended).toMatchObject({ code: 0, stdout: '1 job done\n' })
    expect(await queued.ended).toMatchObject({ code: 0 })
    expect(recordsOf(at('template/records.jsonl'))).toEqual(recordsOf(at('template-here/records.jsonl')))
  })

  test('a worker with another model refuses, and another one takes the job', async () => {
    await using site = await Site.open()
    const wrong = fileURLToPath(new URL('../fixtures/tiny-f32.gguf', import.meta.url))
    const command = [
      ...evaluation,
      '--limit',
      '1',
      '--samples',
      '1',
      '--policy',
      'window',
      '--metric',
      'pass',
      '--queue',
      site.address,
    ]
    const coordinator = site.start([...command, '-o', at('refused')])
    await until(async () => (await site.queue.getJobCounts('wait'))['wait'] === 1)
    const refused = await site.worker(['--model', wrong]).ended
    expect(refused).toMatchObject({ code: 2 })
    expect(refused.stderr).toMatch(/^dynts: A worker has not the model of the run: .*tiny-f32\.gguf: it is .*\(F32, /m)
    expect(await site.worker(['--once']).ended).toMatchObject({ code: 0, stdout: '1 job done\n' })
    const { code, stderr } = await coordinator.ended
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(stderr).toMatch(/^chain p1 sample 0 under window failed: A worker has not the model.* \(attempt 1 of 3\)$/m)

    // If there is no other, it is not tried for ever, and told.
    const hopeless = site.start([...command, '-o', at('hopeless')])
    for (const attempt of [0, 1, 2]) {
      await until(async () => (await site.queue.getJobCounts('wait', 'delayed', 'active'))['active'] === 0)
      expect(await site.worker(['--model', wrong]).ended, `attempt ${attempt}`).toMatchObject({ code: 2 })
    }
    const failed = await hopeless.ended
    expect(failed).toMatchObject({ code: 1, stdout: expect.stringMatching(/0 of 1 samples/) as string })
    expect(failed.stderr).toMatch(
      /^1 job failed: the reasons are in .*failures\.jsonl\. The same command tries again\.$/m,
    )
    expect(await site.jobsLeft()).toEqual([])
  })

  test('Ctrl-C ends a worker and gives its job back; Ctrl-C ends the coordinator', async () => {
    await using site = await Site.open()
    const few = ['--limit', '2', '--samples', '1', '--policy', 'window', '--metric', 'pass']
    // More than is done before the signal is there.
    const many = [...few, '--samples', '50']
    const coordinator = site.start([...evaluation, ...many, '--queue', site.address, '-o', at('stopped')])
    const stopped = site.worker()
    await until(async () => (await site.active()) === 1)
    stopped.child.kill('SIGINT')
    expect(await stopped.ended).toMatchObject({
      code: 130,
      stderr: expect.stringContaining('What was under way went back into the queue.') as string,
    })
    expect(await site.active()).toBe(0)
    coordinator.child.kill('SIGINT')
    expect(await coordinator.ended).toMatchObject({
      code: 130,
      stderr: expect.stringContaining('Workers go on with what is in the queue.') as string,
    })
    const runOf = (folder: string) =>
      (JSON.parse(readFileSync(join(folder, 'queue.json'), 'utf8')) as { run: string }).run
    const old = runOf(at('stopped'))
    // What is begun anew takes the old jobs away.
    const anew = site.start([...evaluation, ...few, '--no-resume', '--queue', site.address, '-o', at('stopped')])
    await until(
      async () => (await site.jobsLeft()).length === 2 && !(await site.jobsLeft()).some((id) => id.startsWith(old)),
    )
    const last = site.worker(['--once', '--json'])
    expect(await anew.ended).toMatchObject({ code: 0 })
    expect(linesOf(at('stopped/records.jsonl'))).toHaveLength(2)
    expect(await last.ended).toMatchObject({ code: 0 })
    expect(await site.jobsLeft()).toEqual([])
  })
})

describe.skipIf(skipsRedis)('dynts trace --queue', together, () => {
  test('has the traces of an unbroken run, whoever was killed', async () => {
    await using site = await Site.open()
    const unbroken = site.start([...tracing, ...here, '-o', at('whole.traces.jsonl')])
    const output = at('queued.traces.jsonl')
    const command = [...tracing, '--queue', site.address, '-o', output]
    const [coordinator, first] = [site.start(command), site.worker()]
    await until(async () => linesOf(output).length >= 1 && (await site.active()) === 1)
    await kill(first)
    const second = site.worker()
    await until(() => linesOf(output).length >= 2)
    await kill(coordinator)
    const { code, stderr, stdout } = await site.start(command).ended
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(stdout).toMatch(/10 of 10 samples, \d+ of them from before/)
    expect(await unbroken.ended).toMatchObject({ code: 0 })
    expect(recordsOf(output)).toEqual(recordsOf(at('whole.traces.jsonl')))
    expect(recordsOf(output)).toHaveLength(10)
    expect(await site.jobsLeft()).toEqual([])
    second.child.kill('SIGINT')
    await second.ended
  })
})

describe.skipIf(skipsRedis)('dynts analyze pareto --queue', together, () => {
  test('has the answers of an unbroken run, whoever was killed', async () => {
    await using site = await Site.open()
    const traces = at('pareto-traces.jsonl')
    const machine = ['--offline', '--threads', '1', '--gpu', 'off']
    const few = ['--samples', '1', '--limit', '2', '--max-tokens', '400', '--temperature', '0', '--parallel', '1']
    const made = ['trace', '--model', 'tiny', '--questions', file, ...few, ...machine, '-o', traces]
    expect(await site.start(made).ended).toMatchObject({ code: 0 })
    const measured = ['importance', '--model', 'tiny', '--traces', traces, ...machine, '-o', at('importance')]
    expect(await site.start(measured).ended).toMatchObject({ code: 0 })

    const answering = ['analyze', 'pareto', at('importance'), '--traces', traces, '--model', 'tiny', '--offline']
    const parts = ['--percent', '30', '--keep', 'top,newest,predicted', '--samples', '2', '--max-tokens', '120']
    const unbroken = site.start([...answering, ...parts, ...here, '-o', at('whole.pareto.jsonl')])
    const output = at('queued.pareto.jsonl')
    const command = [...answering, ...parts, '--queue', site.address, '-o', output]
    const [coordinator, first] = [site.start(command), site.worker()]
    await until(async () => linesOf(output).length >= 2 && (await site.active()) === 1)
    await kill(first)
    const second = site.worker()
    await until(() => linesOf(output).length >= 4)
    await kill(coordinator)
    const { code, stderr } = await site.start(command).ended
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(stderr).toMatch(/\d+ of \d+ answers are in .* already/)
    expect(await unbroken.ended).toMatchObject({ code: 0 })
    expect(recordsOf(output)).toEqual(recordsOf(at('whole.pareto.jsonl')))
    // Of each trace: all of it, and in both readings nothing and three parts; two answers to each.
    const count = new Set(recordsOf(output).map((line) => (JSON.parse(line) as { trace: string }).trace)).size
    expect(recordsOf(output)).toHaveLength(count * (1 + 2 * 4) * 2)
    expect(await site.jobsLeft()).toEqual([])
    second.child.kill('SIGINT')
    await second.ended
  })
})

describe.skipIf(skipsRedis)('dynts worker', together, () => {
  test('--once ends at once if there is nothing to do', async () => {
    await using site = await Site.open()
    expect(await site.worker(['--once']).ended).toMatchObject({ code: 0, stdout: '0 jobs done\n' })
  })
})
