/**
 * Traces of tasks, judged as the tasks judge: `dynts trace --task`, and what works on its traces. What the embedded model cannot solve,
 * a server answers.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { paretoRecords } from '../../src/analysis/pareto/pareto-record.ts'
import { generateChainProblem } from '../../src/evaluation/chain-problem.ts'
import { findTask } from '../../src/evaluation/tasks/registry.ts'
import { readRecords } from '../../src/records/read-records.ts'
import { traceRecords } from '../../src/traces/trace-record.ts'
import { OpenAiServer } from '../support/openai-server.ts'
import { dynts, refusal, scratch } from './run-dynts.ts'

vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 })
const model = ['--model', 'tiny', '--offline']
const machine = ['--threads', '1', '--gpu', 'off']
const recordsOf = (name: string) => [...readRecords(join(scratch, name), traceRecords)]

let server: OpenAiServer
beforeAll(async () => {
  server = await OpenAiServer.start()
})
afterAll(() => server.stop())
/** A task's traces from the server, one request after another. */
const trace = async (task: string, ...args: string[]) =>
  await dynts(['trace', ...model, '--task', task, '--endpoint', server.url, '--parallel', '1', ...args])

test('a puzzle is asked as eval asks it, judged by its names, and measured, answered and graded so again', async () => {
  const [item] = (await findTask('line').load({ generateSeed: 3, limit: 1 })).items
  if (!item) throw new Error('there is no puzzle')
  const backwards = item.expected.split(', ').toReversed().join(', ')
  const answers = [item.expected, backwards, item.expected.replaceAll(', ', ' and ')]
  server.reply = (_request, index) => ({ kind: 'ok', answer: `\n\n\\boxed{${answers[index] ?? ''}}.` })
  const traced = await trace('line', '--generate-seed', '3', '--limit', '1', '--samples', '3', '--json')
  expect({ code: traced.code, stderr: traced.stderr }).toMatchObject({ code: 0 })
  expect(JSON.parse(traced.stdout)).toMatchObject({
    output: 'line.traces.jsonl',
    settings: { task: 'line', questions: 'generated from seed 3', instruction: '' },
  })
  expect(server.requests.map(({ messages }) => messages.at(-1)?.content)).toEqual(Array(3).fill(item.prompt))
  const records = recordsOf('line.traces.jsonl')
  expect(records.map(({ outcome }) => outcome)).toEqual(['kept', 'wrong-answer', 'kept'])
  const said = { task: 'line', question: item.id, expected: item.expected, grading: 'order' }
  expect(records).toMatchObject([said, said, said])

  const measures = ['importance', ...model, ...machine, '--traces', 'line.traces.jsonl', '-o', 'line.importance']
  expect(await dynts(measures)).toMatchObject({ code: 0 })
  const parts = ['--percent', '50', '--keep', 'newest', '--reading', 'text', '--max-tokens', '8', '--limit', '1']
  const answered = await dynts([
    ...['analyze', 'pareto', 'line.importance', '--traces', 'line.traces.jsonl'],
    ...[...model, ...machine, ...parts],
  ])
  expect({ code: answered.code, stderr: answered.stderr }).toMatchObject({ code: 0 })
  const pareto = [...readRecords(join(scratch, 'line.traces.pareto.jsonl'), paretoRecords)]
  expect(pareto).toHaveLength(3)
  for (const record of pareto) expect(record).toMatchObject(said)
})

test('a file of another task is not continued', async () => {
  server.reply = () => ({ kind: 'ok' })
  const one = ['--limit', '1', '--samples', '1', '-o', 'mixed.jsonl']
  expect((await trace('knights', ...one)).code).toBe(0)
  const { code, stderr } = await trace('line', ...one)
  expect(code).toBe(2)
  expect(stderr).toMatch(/^dynts: mixed\.jsonl cannot be continued: it is of the task knights, not of the task line\./m)
})

test('answers are split at the tags of their traces, or at those that are given if these are the same', async () => {
  const problem = generateChainProblem(2, { people: 3 })
  const row = { ...problem, thinking: 'Let me see.\n', reply: `It is \\boxed{${problem.answer}}.` }
  writeFileSync(join(scratch, 'given.jsonl'), `${JSON.stringify(row)}\n`)
  const tags = ['--thinking-tags', '<a>', '</a>']
  const given = await dynts(['trace', ...model, '--given', 'given.jsonl', ...tags, '-o', 'tags.jsonl'])
  expect({ code: given.code, stderr: given.stderr }).toMatchObject({ code: 0 })
  const own = { open: '<a>', close: '</a>' }
  expect(recordsOf('tags.jsonl')).toMatchObject([{ outcome: 'kept', grading: 'math', thinkingTags: own }])
  await dynts(['importance', ...model, ...machine, '--traces', 'tags.jsonl', '-o', 'tags.importance'])
  const pareto = async (...args: string[]) =>
    await dynts([
      ...['analyze', 'pareto', 'tags.importance', '--traces', 'tags.jsonl', ...model, ...machine],
      ...['--percent', '50', '--keep', 'newest', '--reading', 'text', '--max-tokens', '4', ...args],
    ])
  expect(await pareto()).toMatchObject({ code: 0 })
  const answers = [...readRecords(join(scratch, 'tags.pareto.jsonl'), paretoRecords)]
  expect(answers.map(({ thinkingTags }) => thinkingTags)).toEqual([own, own, own])
  const again = await pareto(...tags)
  expect({ code: again.code, stderr: again.stderr }).toMatchObject({ code: 0 })
  expect(refusal(await pareto('--thinking-tags', '<b>', '</b>'))).toMatch(
    /^tags\.jsonl: trace \S+ was made with another chat template, template variables or thinking tags\. Give the same\.$/,
  )
  expect(refusal(await pareto('--chat-template', 'none.jinja'))).toMatch(/none\.jinja/)
})
