/**
 * `dynts trace`, as a user runs it: on the embedded model and against a server, killed, interrupted, and with bad input.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { generateChainProblem } from '../../src/evaluation/chain-problem.ts'
import { readRecords } from '../../src/records/read-records.ts'
import { traceRecords, type TraceRecord } from '../../src/traces/trace-record.ts'
import { OpenAiServer, type Reply } from '../support/openai-server.ts'
import { dynts, refusal, scratch, type RunSettings } from './run-dynts.ts'

/** Whole runs, several in a test, on a machine that may be busy. */
vi.setConfig({ testTimeout: 120_000 })
const timeoutMs = 60_000
const at = (name: string) => join(scratch, name)
const problems = Array.from({ length: 40 }, (_, i) => ({ id: `p${i}`, ...generateChainProblem(i, { people: 3 }) }))

function questionFile(name: string, lines: readonly unknown[]): string {
  const text = lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n')
  writeFileSync(at(name), `${text}\n`)
  return name
}

const few = questionFile('few.jsonl', problems.slice(0, 3))
const many = questionFile('many.jsonl', problems)
const records = (name: string): TraceRecord[] => [...readRecords(at(name), traceRecords)]
const trace = (args: readonly string[], settings?: RunSettings) => {
  const threads = args.includes('--endpoint') ? [] : ['--threads', '1']
  return dynts(['trace', '--model', 'tiny', ...threads, '--offline', ...args], { timeoutMs, ...settings })
}
const small = ['--questions', few, '--samples', '2', '--parallel', '1', '--max-tokens', '400', '--seed', '5']

/** Resolves when the file has so many lines. */
async function grown(name: string, lines: number): Promise<void> {
  while (!existsSync(at(name)) || readFileSync(at(name), 'utf8').split('\n').length <= lines) await sleep(5)
}

describe.concurrent('on the embedded model', () => {
  test('records every sample in a file named after the questions, and says what was kept and what comes next', async () => {
    const { code, stdout, stderr } = await trace(small)
    expect({ code, stderr }).toMatchObject({ code: 0 })
    const all = records('few.traces.jsonl')
    const kept = all.filter(({ outcome }) => outcome === 'kept')
    expect(all).toHaveLength(6)
    expect(kept.length).toBeGreaterThan(2)
    for (const record of all) {
      expect(record.expected).toBe(problems.find(({ id }) => id === record.question)!.answer)
      expect(record.settings).toMatchObject({
        temperature: 0.6,
        topP: 0.95,
        topK: 20,
        maxTokens: 400,
        maxLength: 18_000,
      })
    }
    expect(stdout).toMatch(/^few\.traces\.jsonl: 6 of 6 samples\n/)
    expect(stdout).toMatch(new RegExp(`^kept ${kept.length}$`, 'm'))
    expect(stdout).toMatch(/^thinking tokens of a kept trace: \d+ on average$/m)
    expect(stderr).toMatch(/^weights 7\.0 MiB, cache 1\.5 MiB \(512 cells of 3\.0 KiB\)$/m)
    expect(stderr).toMatch(/^Next: dynts importance --model tiny --traces few\.traces\.jsonl$/m)
    // Whoever asks again gets the same summary, and nothing is sampled.
    const again = await trace([...small, '--json'])
    expect(JSON.parse(again.stdout)).toMatchObject({
      schema: 'dynts.trace.summary/1',
      output: 'few.traces.jsonl',
      total: 6,
      sampled: 6,
      sampledNow: 0,
      kept: kept.length,
      interrupted: false,
      model: { reference: 'tiny', architecture: 'qwen2' },
      source: { kind: 'local' },
      settings: { samples: 2, temperature: 0.6, maxTokens: 400, kvType: 'f16' },
      seed: 5,
    })
    expect(again.stderr).toMatch(/^6 of 6 samples are in few\.traces\.jsonl already$/m)
    expect(records('few.traces.jsonl')).toEqual(all)
  })

  test('Ctrl-C ends it in good order', async () => {
    const args = ['--questions', many, '--parallel', '2', '--output', 'interrupted.jsonl']
    const { code, stdout, stderr } = await trace(args, {
      onStart: (child) => void grown('interrupted.jsonl', 2).then(() => child.kill('SIGINT')),
    })
    expect(code).toBe(130)
    expect(stderr).toMatch(/^Interrupted\. The same command goes on from there\.$/m)
    expect(stderr).not.toMatch(/^Next/m)
    expect(stdout).toMatch(
      new RegExp(`^interrupted\\.jsonl: ${records('interrupted.jsonl').length} of 200 samples$`, 'm'),
    )
    expect(existsSync(at('interrupted.jsonl.lock'))).toBe(false)
  })

  test('other settings are refused; --no-resume puts the file aside', async () => {
    const args = [
      '--questions',
      few,
      '--samples',
      '1',
      '--limit',
      '1',
      '--max-tokens',
      '5',
      '--output',
      'settings.jsonl',
    ]
    await trace(args)
    const refused = await trace([...args, '-t', '0.8'])
    expect(refused).toMatchObject({ code: 2, stdout: '' })
    expect(refused.stderr).toMatch(
      /^dynts: settings\.jsonl cannot be continued: it was made with --temperature 0\.6, not 0\.8\. .*--no-resume.*$/m,
    )
    const tags = await trace([...args, '--thinking-tags', '<a>', '</a>'])
    expect(tags).toMatchObject({ code: 2, stdout: '' })
    expect(tags.stderr).toMatch(/it was made with another chat template, template variables or thinking tags\. /)
    const anew = await trace([...args, '-t', '0.8', '--no-resume'])
    expect(anew.stderr).toMatch(/^Nothing was kept/m)
    expect(anew.stdout).toMatch(/^settings\.jsonl: 1 of 1 samples\nkept 0\ndropped 1: 1 truncated\n$/)
  })
})

describe('against a server', () => {
  let server: OpenAiServer
  beforeAll(async () => {
    server = await OpenAiServer.start()
  })
  afterAll(() => server.stop())
  const remote = (output: string, args: readonly string[] = [], settings?: RunSettings) =>
    trace(['--questions', few, '--samples', '2', '--output', output, '--endpoint', server.url, ...args], settings)
  /** The faulty replies come first. */
  function answerWith(...replies: Reply[]): void {
    const already = server.requests.length
    server.reply = (_, index) => replies[index - already] ?? { kind: 'ok' }
  }

  test('its traces are kept as the model’s own tokens; what may pass is tried again', async () => {
    answerWith(
      { kind: 'status', status: 429, headers: { 'retry-after': '0.1' } },
      { kind: 'cut' },
      { kind: 'raw', text: '' },
    )
    const { code, stdout, stderr } = await remote('remote.jsonl', ['--json'], { env: { OPENAI_API_KEY: 'secret' } })
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(JSON.parse(stdout)).toMatchObject({
      sampled: 6,
      kept: 6,
      source: { kind: 'remote', endpoint: server.url, model: 'solver' },
      settings: { kvType: null },
    })
    expect(stderr).toMatch(/sampling from solver at http:\S+, up to 8 requests at the same time$/m)
    expect(stderr).toMatch(/^http:\S+: .*; again in [\d.]+ s \(1 of 8\)$/m)
    expect(server.authorizations).toContain('Bearer secret')
    for (const record of records('remote.jsonl')) {
      expect(record).toMatchObject({ outcome: 'kept', source: 'solver', answer: record.expected })
    }
  })

  test('a failure for good costs its samples only, says why, and the next run goes on', async () => {
    server.reply = ({ messages }) =>
      messages[0]!.content === problems[0]!.question
        ? { kind: 'ok' }
        : { kind: 'status', status: 500, message: 'no memory' }
    const failing = ['--retries', '1', '--parallel', '1']
    const failed = await remote('failing.jsonl', failing)
    expect(failed).toMatchObject({ code: 1 })
    expect(failed.stderr).toMatch(/^sample p1#0 failed: http:\S+ failed 2 times, at last: status 500: no memory\.$/m)
    const before = records('failing.jsonl')
    expect(before).toHaveLength(2)
    server.reply = () => ({ kind: 'status', status: 401, message: 'wrong key' })
    const refused = await remote('failing.jsonl', failing)
    expect(refused.code).toBe(2)
    expect(refused.stderr).toMatch(/answered with status 401: wrong key\. Check the API key/)
    server.reply = () => ({ kind: 'ok', style: 'tags' })
    expect(await remote('failing.jsonl', failing)).toMatchObject({ code: 0 })
    expect(records('failing.jsonl').slice(0, 2)).toEqual(before)
    expect(records('failing.jsonl').map(({ id }) => id)).toEqual(['p0#0', 'p0#1', 'p1#0', 'p1#1', 'p2#0', 'p2#1'])
  })

  test('a model without thinking is told after twenty samples', async () => {
    server.reply = () => ({ kind: 'ok', style: 'no-thinking' })
    const { code, stderr } = await remote('thoughtless.jsonl', ['--questions', many])
    expect(code).toBe(2)
    expect(stderr).toMatch(/^dynts: the first \d+ samples have no thinking between tags/m)
    const all = records('thoughtless.jsonl')
    expect(all.length).toBeGreaterThanOrEqual(20)
    expect(all.length).toBeLessThan(30)
    expect(new Set(all.map(({ outcome }) => outcome))).toEqual(new Set(['no-thinking']))
  })

  test('only one process writes a file', async () => {
    server.reply = () => ({ kind: 'silent' })
    const first = remote('locked.jsonl', ['--parallel', '1'], {
      onStart: (child) =>
        void (async () => {
          while (!existsSync(at('locked.jsonl.lock'))) await sleep(10)
          const second = await remote('locked.jsonl')
          expect(second.code).toBe(2)
          expect(second.stderr).toMatch(/^dynts: another process is writing locked\.jsonl\. Wait/m)
          child.kill('SIGKILL')
        })(),
    })
    expect((await first).signal).toBe('SIGKILL')
    server.reply = () => ({ kind: 'ok' })
    // The lock of a process that is gone is no lock.
    expect(await remote('locked.jsonl')).toMatchObject({ code: 0 })
  })

  test('a server that is not there', async () => {
    const args = ['--endpoint', 'http://127.0.0.1:9', '--retries', '0', '--output', 'nowhere.jsonl']
    const { code, stderr } = await trace(['--questions', few, ...args])
    expect(code).toBe(1)
    expect(stderr).toMatch(/^dynts: http:\S+ failed once, at last: .+$/m)
  })
})

describe.concurrent('bad input is one line', () => {
  const nothing = questionFile('nothing.jsonl', [{ id: 'a', question: 'What?' }])
  const broken = questionFile('broken-line.jsonl', [problems[0], '{"question": '])

  test.each([
    [[], /^give --questions FILE or --task NAME to sample, or --given FILE with traces\.$/],
    [['--questions', nothing], /nothing\.jsonl.*no answer in line 1/],
    [['--questions', broken], /broken-line\.jsonl: line 2 is not JSON/],
    [['--questions', few, '--endpoint', 'nonsense'], /--endpoint must be an address/],
  ] as const)('%j', async (args, message) => {
    expect(refusal(await trace(args))).toMatch(message)
  })
})
