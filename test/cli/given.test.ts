/**
 * Traces that exist already, as a user gives them to `dynts trace` and `dynts fit`: what the embedded model has sampled, as text.
 */
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { loadModel, readCheckpoint } from 'dynts'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { generateChainProblem } from '../../src/evaluation/chain-problem.ts'
import { readRecords } from '../../src/records/read-records.ts'
import { traceRecords, type KeptTrace, type TraceRecord } from '../../src/traces/trace-record.ts'
import { dynts, refusal, scratch, type RunSettings } from './run-dynts.ts'

/** Whole runs, several in a test, on a machine that may be busy. */
vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 })
const timeoutMs = 120_000
const at = (name: string) => join(scratch, name)
const problems = Array.from({ length: 16 }, (_, i) => ({ id: `p${i}`, ...generateChainProblem(i, { people: 3 }) }))
const questionOf = new Map(problems.map(({ id, question }) => [id, question]))
const model = ['--model', 'tiny', '--offline']
const trace = (args: readonly string[], run: RunSettings = {}) =>
  dynts(['trace', ...model, ...args], { timeoutMs, ...run })
const recordsOf = (name: string): TraceRecord[] => [...readRecords(at(name), traceRecords)]
const keptOf = (name: string) => recordsOf(name).filter((record): record is KeptTrace => record.outcome === 'kept')
const write = (name: string, rows: readonly object[]) => {
  writeFileSync(at(name), rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
  return name
}

/** What the model has sampled, and its text behind the prompt, without the end token. */
let sampled: readonly (KeptTrace & { readonly text: string })[]

beforeAll(async () => {
  write('short.jsonl', problems)
  const settings = ['--samples', '1', '--parallel', '1', '--max-tokens', '400', '--threads', '1', '--gpu', 'off']
  const { code, stderr } = await trace(['--questions', 'short.jsonl', ...settings, '-o', 'sampled.jsonl'])
  expect({ code, stderr }).toMatchObject({ code: 0 })
  await using tiny = await loadModel('tiny', { vocabularyOnly: true, gpu: 'off' })
  sampled = await Promise.all(
    keptOf('sampled.jsonl').map(async (record) => {
      const pieces = await tiny.detokenize(record.tokens.slice(record.promptTokens, -1))
      return { ...record, text: pieces.join('') }
    }),
  )
  expect(sampled.length).toBeGreaterThan(10)
})

describe('a trace that is given as the text that was sampled', () => {
  const split = (text: string): readonly [string, string] => {
    const [thinking = '', reply = ''] = text.split('</think>')
    return [thinking, reply]
  }
  test.each<[string, (question: string, text: string) => object]>([
    ['the text as it came', (question, text) => ({ question, generation: text })],
    ['with the tag that the template writes', (question, text) => ({ question, generations: [`<think>\n${text}`] })],
    [
      'a conversation',
      (question, text) => ({
        messages: [
          { role: 'user', content: question },
          { role: 'assistant', content: text },
        ],
      }),
    ],
    [
      'a conversation with the reasoning apart',
      (content, text) => {
        const [reasoning_content, reply] = split(text)
        return {
          messages: [
            { role: 'user', content },
            { role: 'assistant', reasoning_content, content: reply },
          ],
        }
      },
    ],
    [
      'two fields',
      (question, text) => {
        const [thinking, reply] = split(text)
        return { question, thinking: thinking.trim(), reply: reply.trim() }
      },
    ],
  ])('has the tokens of the sampled record: %s', async (name, rowOf) => {
    const rows = sampled.map(({ question: id, expected: answer, text }) => ({
      id,
      answer,
      ...rowOf(questionOf.get(id) ?? '', text),
    }))
    const stem = `given-${name.replaceAll(' ', '-')}`
    const { code, stderr, stdout } = await trace(['--given', write(`${stem}.jsonl`, rows)])
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(stdout).toMatch(
      new RegExp(`^${stem}\\.traces\\.jsonl: (\\d+) of \\1 traces, of \\1 questions\\nkept \\1$`, 'm'),
    )
    const traces = keptOf(`${stem}.traces.jsonl`)
    expect(traces).toHaveLength(sampled.length)
    for (const [
      i,
      { id, question, sample, expected, answer, thinkingTokens, answerTokens, ...rest },
    ] of sampled.entries()) {
      const { promptTokens, thinkStart, thinkEnd, answerStart, tokens, model } = rest
      const same = { id, question, sample, expected, answer, thinkingTokens, answerTokens, model }
      expect(traces[i]).toMatchObject({ ...same, promptTokens, thinkStart, thinkEnd, answerStart, tokens })
      expect(traces[i]).toMatchObject({ source: 'given', seed: null, settings: { temperature: null, kvType: null } })
    }
  })
})

describe('a file of given traces', () => {
  test('wrong and incomplete ones are dropped, those without a right answer kept and said', async () => {
    const [first, second] = sampled
    const text = first?.text ?? ''
    const question = questionOf.get(first?.question ?? '')
    const [thinking = ''] = text.split('</think>')
    const other = questionOf.get(second?.question ?? '')
    const rows = [
      { question, answer: first?.expected, generations: [text, `<think>\n${thinking}`, `${thinking}</think>`] },
      { question: other, answer: '-1000', generation: second?.text },
      { question: `${other} `, generation: '<think>\nhm\n</think>\n\nI do not know.' },
      { question: 'q', generation: 'No thinking.' },
    ]
    const { code, stdout, stderr } = await trace(['--given', write('mixed.jsonl', rows), '--json'])
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(JSON.parse(stdout)).toMatchObject({
      schema: 'dynts.trace.summary/1',
      source: { kind: 'given', file: 'mixed.jsonl', fields: null },
      total: 6,
      sampled: 6,
      sampledNow: 6,
      questions: 4,
      notJudged: 2,
      kept: 2,
      dropped: { truncated: 2, 'wrong-answer': 1, 'no-thinking': 1, 'no-answer': 0 },
    })
    expect(keptOf('mixed.traces.jsonl').map(({ expected }) => expected)).toEqual([first?.expected, null])
    const again = await trace(['--given', 'mixed.jsonl'])
    expect(again.stdout).toMatch(/^2 traces without a right answer to judge by: kept if complete$/m)
    expect(again.stderr).toMatch(/^6 of 6 traces are in mixed\.traces\.jsonl already$/m)
    expect(again.stderr).toMatch(/^Next: dynts importance --model tiny --traces mixed\.traces\.jsonl$/m)
  })

  test('killed and given again, it goes on; another text or setting is refused', async () => {
    const rows = sampled.map(({ question: id, text, expected }) => ({
      ...{ id, answer: expected, question: questionOf.get(id) },
      generations: Array.from({ length: 60 }, () => text),
    }))
    const given = ['--given', write('killed.jsonl', rows)]
    const lines = () => (existsSync(at('killed.traces.jsonl')) ? recordsOf('killed.traces.jsonl').length : 0)
    const killed = await trace(given, {
      onStart: (child) =>
        void (async () => {
          while (lines() < 20 && child.exitCode === null) await sleep(2)
          child.kill('SIGKILL')
        })(),
    })
    expect(killed.signal).toBe('SIGKILL')
    const before = recordsOf('killed.traces.jsonl')
    expect(before.length).toBeLessThan(60 * sampled.length)
    expect(await trace(given)).toMatchObject({ code: 0 })
    const all = recordsOf('killed.traces.jsonl')
    expect(all).toHaveLength(60 * sampled.length)
    expect(all.slice(0, before.length)).toEqual(before)

    write('killed.jsonl', [{ ...rows[0], generations: ['<think>\nhm\n</think>\n\n\\boxed{1}'] }])
    expect(refusal(await trace(given))).toMatch(/cannot be continued: it is of other texts \(trace p\d+#0 is another/)
    expect(refusal(await trace([...given, '--max-length', '99']))).toMatch(/max-length 18000, not 99/)
    const mine = ['--given', 'killed.jsonl', '-o', 'sampled.jsonl']
    expect(refusal(await trace(mine))).toMatch(/it was sampled from local, not from given/)
  })

  test('what is wrong with it is one line', async () => {
    const row = { question: 'q', generation: '<think>\nhm\n</think>\n\n4' }
    const bad = write('bad.jsonl', [row, { question: 'q' }])
    expect(refusal(await trace(['--given', bad]))).toMatch(/bad\.jsonl: no trace in line 2 \(.*--given-fields/)
    const thoughtless = write('thoughtless.jsonl', [{ question: 'q', generation: '4' }])
    expect(refusal(await trace(['--given', thoughtless]))).toMatch(/no trace of thoughtless\.jsonl has thinking\. /)
    expect(refusal(await trace(['--given', 'none.jsonl']))).toMatch(/none\.jsonl/)
  })
})

test('fit gives the predictor that its first three steps give one by one', async () => {
  const rows = sampled.map(({ question: id, text, expected }) => ({
    ...{ id, answer: expected, question: questionOf.get(id), generation: text },
  }))
  write('fitted.jsonl', rows)
  const device = ['--threads', '1', '--gpu', 'off']
  const training = ['--min-traces', '10', '--epochs', '2', '--least-steps', '24', '--learning-rate', '0.002']
  const steps = [
    ['trace', ...model, '--given', 'fitted.jsonl', '-o', 'steps.jsonl'],
    ['importance', ...model, ...device, '--traces', 'steps.jsonl', '-o', 'steps.importance'],
    ['train', ...device, '--importance', 'steps.importance', ...training, '-o', 'steps.gguf'],
  ]
  for (const step of steps) {
    const { code, stderr } = await dynts(step, { timeoutMs })
    expect({ code, stderr }).toMatchObject({ code: 0 })
  }
  const { heldOut } = await readCheckpoint(at('steps.gguf'))
  expect(heldOut?.traces).toBeGreaterThan(0)

  const fit = await dynts(
    ['fit', ...model, ...device, '--given', 'fitted.jsonl', ...training, '--replay-traces', '1', '-o', 'fit.gguf'],
    {
      timeoutMs,
    },
  )
  expect({ code: fit.code, stderr: fit.stderr }).toMatchObject({ code: 0 })
  const fitted = await readCheckpoint(at('fit.gguf'))
  expect(fitted).toMatchObject({
    ...(await readCheckpoint(at('steps.gguf'))),
    policy: expect.stringMatching(/^dynts/) as unknown,
  })
  expect(fitted.budget).toBeGreaterThan(0)
  const few = ['--given', write('few.jsonl', rows.slice(0, 2)), '--min-traces', '10', '-o', 'few.gguf']
  expect((await dynts(['fit', ...model, ...few], { timeoutMs })).stderr).toMatch(/give more traces \(few\.fit\//)
})

describe('dynts eval --traces', () => {
  const evaluate = (args: readonly string[]) =>
    dynts(['eval', ...model, '--threads', '1', '--gpu', 'off', '--traces', 'sampled.jsonl', ...args], { timeoutMs })

  test('replays them under every policy, in parts or at once, and goes on', async () => {
    const args = [
      '--policy',
      'full,dynts,random',
      '--budget',
      '96',
      '--local-window',
      '16',
      '--ratio',
      '0.5',
      '--limit',
      '4',
    ]
    const whole = await evaluate([...args, '-o', 'replayed', '--json'])
    expect(whole).toMatchObject({ code: 0 })
    const { recordedNow, settings, summary } = JSON.parse(whole.stdout) as {
      recordedNow: number
      settings: { metrics: string[] }
      summary: { tasks: { task: string; configurations: { sampling: null; replay: { traces: number } }[] }[] }
    }
    expect({ recordedNow, metrics: settings.metrics }).toEqual({ recordedNow: 12, metrics: ['replay-loss'] })
    const [task] = summary.tasks
    expect(task).toMatchObject({
      task: 'traces',
      configurations: Array(3).fill({ sampling: null, replay: { traces: 4 } }),
    })
    expect((await evaluate([...args, '-o', 'replayed'])).stderr).toContain('12 of 12 samples are in replayed already')
    for (const part of ['1/2', '2/2']) {
      expect(await evaluate([...args, '--shard', part, '-o', `part${part[0]!}`])).toMatchObject({ code: 0 })
    }
    expect(await dynts(['eval', 'merge', 'part1', 'part2', '-o', 'parts'])).toMatchObject({ code: 0 })
    const tableOf = async (folder: string) => (await dynts(['eval', 'summary', folder])).stdout
    expect(await tableOf('parts')).toBe(await tableOf('replayed'))
  })

  test('with a budget alone, under the other settings of the embedded model’s own problems', async () => {
    const { code, stdout } = await evaluate([
      ...['--policy', 'question-window', '--budget', '256', '--limit', '1', '-o', 'budget'],
    ])
    expect(stdout).toMatch(/B 256, W_l 32, ratio 0\.5/)
    expect(code).toBe(0)
  })

  test.each<[string[], RegExp]>([
    [['--samples', '2'], /^--samples has no effect with --traces/],
    [['--task', 'chain'], /^--task has no effect with --traces/],
    [['--metric', 'pass'], /^--metric pass is measured on samples/],
    [['--template-var', 'x=1'], /made with another chat template/],
  ])('%j is refused', async (args, message) => {
    expect(refusal(await evaluate([...args, '-o', 'none']))).toMatch(message)
  })
})
