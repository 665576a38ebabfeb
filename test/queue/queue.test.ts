/**
 * `--queue` and `dynts worker` with a real Redis: workers and whoever waits for them are killed, and nothing is lost or twice.
 */
import type { ChildProcess } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
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
  ...['--policy', 'full,dynts,window', '--metric', 'pass,replay-loss', '--samples', '2'],
]
/** Of a machine that does other work as well. */
const patience = { command: 240_000, test: 300_000 }
const tracing = ['trace', '--model', 'tiny', '--questions', file, '--samples', '5', '--max-tokens', '160', '--offline']

let redis: RedisServer
let queue: JobsQueue
beforeEach(async () => {
  if (skipsRedis) return
  redis = await startRedis()
  queue = await openQueue(redis.address)
})
afterEach(async () => {
  for (const { child, ended } of running.splice(0)) {
    child.kill('SIGKILL')
    await ended.catch(() => undefined)
  }
  if (skipsRedis) return
  await queue.close()
  await redis.stop()
})

/** A process that goes on while the test does. */
interface Running {
  readonly child: ChildProcess
  readonly ended: Promise<Finished>
}
const running: Running[] = []
function start(args: readonly string[], settings: RunSettings = {}): Running {
  let child: ChildProcess | undefined
  const ended = dynts(args, { timeoutMs: patience.command, ...settings, onStart: (process) => (child = process) })
  ended.catch(() => undefined)
  const started = { child: child!, ended }
  running.push(started)
  return started
}
const worker = (more: readonly string[] = []) =>
  start(['worker', '--queue', redis.address, '--lease', '3', '--offline', ...here, ...more])
const linesOf = (path: string) =>
  existsSync(path) ? readFileSync(path, 'utf8').trimEnd().split('\n').filter(Boolean) : []
/** Without what differs from run to run. */
const recordsOf = (path: string) =>
  linesOf(path)
    .map((line) => ({ ...(JSON.parse(line) as object), wallMs: 0, forwardMs: 0, at: '' }))
    .map((record) => JSON.stringify(record))
    .sort()
async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  const late = performance.now() + patience.command
  while (!(await what())) {
    if (performance.now() > late) throw new Error(`it never came true: ${String(what)}`)
    await sleep(5)
  }
}
const active = async () => (await queue.getJobCounts('active'))['active'] ?? 0
async function kill(...all: readonly Running[]): Promise<void> {
  for (const { child } of all) child.kill('SIGKILL')
  for (const { ended } of all) expect((await ended).signal).toBe('SIGKILL')
}
/** Jobs of whatever run. */
const jobsLeft = async () =>
  await queue.getRanges(['wait', 'active', 'delayed', 'prioritized', 'paused', 'completed', 'failed'], 0, -1)

describe.skipIf(skipsRedis)('dynts eval --queue', () => {
  test(
    'killed workers and a killed coordinator leave the records of an unbroken run, each once',
    { timeout: patience.test },
    async () => {
      const unbroken = start([...evaluation, ...here, '-o', at('whole')])
      const command = [...evaluation, '--queue', redis.address, '-o', at('queued')]
      const records = at('queued/records.jsonl')
      const [first, second, third] = [worker(), worker(), worker()]
      await until(async () => (await queue.getWorkersCount()) === 3)
      const coordinator = start(command)
      await until(async () => linesOf(records).length >= 3 && (await active()) === 3)
      // The third is held up, so that nothing ends before the coordinator does.
      third.child.kill('SIGSTOP')
      await kill(first, second, coordinator)
      const before = linesOf(records).length
      third.child.kill('SIGCONT')
      // It goes on alone; results wait for whoever asks.
      await until(async () => ((await queue.getJobCounts('completed'))['completed'] ?? 0) >= 2)

      const { code, stderr, stdout } = await start(command).ended
      expect({ code, stderr }).toMatchObject({ code: 0 })
      expect(stderr).toContain(`${before} of 48 samples are in ${at('queued')} already`)
      expect(stdout).toMatch(/^chain \(short\.jsonl\): B 128, W_l 32, ratio 0\.5;/m)
      expect(stdout).not.toContain('missing')

      expect(await unbroken.ended).toMatchObject({ code: 0 })
      expect(recordsOf(records)).toEqual(recordsOf(at('whole/records.jsonl')))
      expect(recordsOf(records)).toHaveLength(48)
      const [plan, wholePlan] = ['queued', 'whole'].map((name) => readFileSync(at(`${name}/plan.json`), 'utf8'))
      expect(JSON.parse(plan!)).toEqual(JSON.parse(wholePlan!))
      expect(await jobsLeft()).toEqual([])

      third.child.kill('SIGINT')
      expect(await third.ended).toMatchObject({ code: 130 })
    },
  )

  test('workers use the template that was given', { timeout: patience.test }, async () => {
    const template = ['--chat-template', '{{ messages[0].content }}{{ last }}', '--template-var', 'last=<think>']
    const few = ['--limit', '1', '--samples', '1', '--policy', 'window', '--metric', 'pass', ...template]
    const queued = start([...evaluation, ...few, '--queue', redis.address, '-o', at('template')])
    expect(await start([...evaluation, ...few, ...here, '-o', at('template-here')]).ended).toMatchObject({ code: 0 })
    expect(await worker(['--once']).ended).toMatchObject({ code: 0, stdout: '1 job done\n' })
    expect(await queued.ended).toMatchObject({ code: 0 })
    expect(recordsOf(at('template/records.jsonl'))).toEqual(recordsOf(at('template-here/records.jsonl')))
  })

  test('a worker with another model refuses, and another one takes the job', { timeout: patience.test }, async () => {
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
      redis.address,
    ]
    const coordinator = start([...command, '-o', at('refused')])
    await until(async () => (await queue.getJobCounts('wait'))['wait'] === 1)
    const refused = await worker(['--model', wrong]).ended
    expect(refused).toMatchObject({ code: 2 })
    expect(refused.stderr).toMatch(/^dynts: A worker has not the model of the run: .*tiny-f32\.gguf: it is .*\(F32, /m)
    expect(await worker(['--once']).ended).toMatchObject({ code: 0, stdout: '1 job done\n' })
    const { code, stderr } = await coordinator.ended
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(stderr).toMatch(/^chain p1 sample 0 under window failed: A worker has not the model.* \(attempt 1 of 3\)$/m)

    // If there is no other, it is not tried for ever, and told.
    const hopeless = start([...command, '-o', at('hopeless')])
    for (const attempt of [0, 1, 2]) {
      await until(async () => (await queue.getJobCounts('wait', 'delayed', 'active'))['active'] === 0)
      expect(await worker(['--model', wrong]).ended, `attempt ${attempt}`).toMatchObject({ code: 2 })
    }
    const failed = await hopeless.ended
    expect(failed).toMatchObject({ code: 1, stdout: expect.stringMatching(/0 of 1 samples/) as string })
    expect(failed.stderr).toMatch(
      /^1 job failed: the reasons are in .*failures\.jsonl\. The same command tries again\.$/m,
    )
    expect(await jobsLeft()).toEqual([])
  })

  test(
    'Ctrl-C ends a worker and gives its job back; Ctrl-C ends the coordinator',
    { timeout: patience.test },
    async () => {
      const few = ['--limit', '2', '--samples', '1', '--policy', 'window', '--metric', 'pass']
      // More than is done before the signal is there.
      const many = [...few, '--samples', '50']
      const coordinator = start([...evaluation, ...many, '--queue', redis.address, '-o', at('stopped')])
      const stopped = worker()
      await until(async () => (await active()) === 1)
      stopped.child.kill('SIGINT')
      expect(await stopped.ended).toMatchObject({
        code: 130,
        stderr: expect.stringContaining('What was under way went back into the queue.') as string,
      })
      expect(await active()).toBe(0)
      coordinator.child.kill('SIGINT')
      expect(await coordinator.ended).toMatchObject({
        code: 130,
        stderr: expect.stringContaining('Workers go on with what is in the queue.') as string,
      })
      const runOf = (folder: string) =>
        (JSON.parse(readFileSync(join(folder, 'queue.json'), 'utf8')) as { run: string }).run
      const old = runOf(at('stopped'))
      // What is begun anew takes the old jobs away.
      const anew = start([...evaluation, ...few, '--no-resume', '--queue', redis.address, '-o', at('stopped')])
      await until(async () => (await jobsLeft()).length === 2 && !(await jobsLeft()).some((id) => id.startsWith(old)))
      const last = worker(['--once', '--json'])
      expect(await anew.ended).toMatchObject({ code: 0 })
      expect(linesOf(at('stopped/records.jsonl'))).toHaveLength(2)
      expect(await last.ended).toMatchObject({ code: 0 })
      expect(await jobsLeft()).toEqual([])
    },
  )
})

describe.skipIf(skipsRedis)('dynts trace --queue', () => {
  test('has the traces of an unbroken run, whoever was killed', { timeout: patience.test }, async () => {
    const unbroken = start([...tracing, ...here, '-o', at('whole.traces.jsonl')])
    const output = at('queued.traces.jsonl')
    const command = [...tracing, '--queue', redis.address, '-o', output]
    const [coordinator, first] = [start(command), worker()]
    await until(async () => linesOf(output).length >= 1 && (await active()) === 1)
    await kill(first)
    const second = worker()
    await until(() => linesOf(output).length >= 3)
    await kill(coordinator)
    const { code, stderr, stdout } = await start(command).ended
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(stdout).toMatch(/20 of 20 samples, \d+ of them from before/)
    expect(await unbroken.ended).toMatchObject({ code: 0 })
    expect(recordsOf(output)).toEqual(recordsOf(at('whole.traces.jsonl')))
    expect(recordsOf(output)).toHaveLength(20)
    expect(await jobsLeft()).toEqual([])
    second.child.kill('SIGINT')
    await second.ended
  })
})

describe.skipIf(skipsRedis)('dynts analyze pareto --queue', () => {
  test('has the answers of an unbroken run, whoever was killed', { timeout: patience.test }, async () => {
    const traces = at('pareto-traces.jsonl')
    const machine = ['--offline', '--threads', '1', '--gpu', 'off']
    const few = ['--samples', '1', '--limit', '3', '--max-tokens', '400', '--temperature', '0', '--parallel', '1']
    const made = ['trace', '--model', 'tiny', '--questions', file, ...few, ...machine, '-o', traces]
    expect(await start(made).ended).toMatchObject({ code: 0 })
    const measured = ['importance', '--model', 'tiny', '--traces', traces, ...machine, '-o', at('importance')]
    expect(await start(measured).ended).toMatchObject({ code: 0 })

    const answering = ['analyze', 'pareto', at('importance'), '--traces', traces, '--model', 'tiny', '--offline']
    const parts = ['--percent', '30', '--keep', 'top,newest,predicted', '--samples', '2', '--max-tokens', '120']
    const unbroken = start([...answering, ...parts, ...here, '-o', at('whole.pareto.jsonl')])
    const output = at('queued.pareto.jsonl')
    const command = [...answering, ...parts, '--queue', redis.address, '-o', output]
    const [coordinator, first] = [start(command), worker()]
    await until(async () => linesOf(output).length >= 2 && (await active()) === 1)
    await kill(first)
    const second = worker()
    await until(() => linesOf(output).length >= 5)
    await kill(coordinator)
    const { code, stderr } = await start(command).ended
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(stderr).toMatch(/\d+ of \d+ answers are in .* already/)
    expect(await unbroken.ended).toMatchObject({ code: 0 })
    expect(recordsOf(output)).toEqual(recordsOf(at('whole.pareto.jsonl')))
    // Of each trace: all of it, and in both readings nothing and three parts; two answers to each.
    const count = new Set(recordsOf(output).map((line) => (JSON.parse(line) as { trace: string }).trace)).size
    expect(recordsOf(output)).toHaveLength(count * (1 + 2 * 4) * 2)
    expect(await jobsLeft()).toEqual([])
    second.child.kill('SIGINT')
    await second.ended
  })
})

describe.skipIf(skipsRedis)('dynts worker', () => {
  test('--once ends at once if there is nothing to do', { timeout: patience.test }, async () => {
    expect(await worker(['--once']).ended).toMatchObject({ code: 0, stdout: '0 jobs done\n' })
  })
})
