import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { FakeHub } from '../../../test/support/hub-server.ts'
import { findTask } from './registry.ts'
import type { TaskLoadOptions } from './task.ts'

// Questions of our own in the columns of the real files.
const fixture = (name: string) =>
  readFile(fileURLToPath(new URL(`../../../test/fixtures/tasks/${name}`, import.meta.url)))
const lines = (rows: readonly object[]) => Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
const gpqaColumns = [
  'Record ID',
  'Question',
  'Correct Answer',
  'Incorrect Answer 1',
  'Incorrect Answer 2',
  'Incorrect Answer 3',
]

interface Published {
  readonly repo: string
  readonly commit: string
  readonly file: string
  readonly content: () => Buffer | Promise<Buffer>
  readonly first: { id?: string; expected: string; prompt: RegExp; kind: string }
}
const boxed = String.raw`\nPlease reason step by step, and put your final answer within \\boxed\{\}\.$`
const published: Record<string, Published> = {
  aime24: {
    repo: 'HuggingFaceH4/aime_2024',
    commit: '2fe88a2f1091d5048c0f36abc874fb997b3dd99a',
    file: 'data/train-00000-of-00001.parquet',
    content: () => fixture('aime24.parquet'),
    first: { id: '60', expected: '2', prompt: new RegExp(`^What is \\$0 \\+ 2\\$\\?${boxed}`), kind: 'math' },
  },
  aime25: {
    repo: 'math-ai/aime25',
    commit: '563bb8404243c5f09de6ec262f2db674fe5bce9b',
    file: 'test.jsonl',
    content: () => lines(['0', '1'].map((id) => ({ id, problem: `Find ${id}.`, answer: id }))),
    first: { id: '0', expected: '0', prompt: new RegExp(`^Find 0\\.${boxed}`), kind: 'math' },
  },
  aime26: {
    repo: 'MathArena/aime_2026',
    commit: 'd2de22f3c656b4f56cf8981212186377d1e23bc3',
    file: 'data/train-00000-of-00001.parquet',
    // Its answers are whole numbers, and no texts.
    content: () => fixture('aime26.parquet'),
    first: { id: '1', expected: '6', prompt: new RegExp(`^What is \\$2 \\\\cdot 3\\$\\?${boxed}`), kind: 'math' },
  },
  hmmt25: {
    repo: 'MathArena/hmmt_feb_2025',
    commit: '6fdc4277120810ff75aa22d2d5489b91f7a262a1',
    file: 'data/train-00000-of-00001.parquet',
    content: () => fixture('hmmt25.parquet'),
    first: { id: '1', expected: '\\frac{3}{4}', prompt: new RegExp(`^Compute [^\n]+\\.${boxed}`), kind: 'math' },
  },
  hmmt26: {
    repo: 'MathArena/hmmt_feb_2026',
    commit: '02fba4f74d8e68e73e66a02d540fd979c05c274c',
    file: 'data/train-00000-of-00001.parquet',
    content: () => fixture('hmmt26.parquet'),
    first: { id: '1', expected: '\\sqrt{2}', prompt: new RegExp(`^Compute [^\n]+\\.${boxed}`), kind: 'math' },
  },
  amc23: {
    repo: 'math-ai/amc23',
    commit: '80815d37005feb82cd7f8fbc6901d5d3eff43057',
    file: 'test-00000-of-00001.parquet',
    content: () => fixture('amc23.parquet'),
    first: { id: '0', expected: '0', prompt: new RegExp(`^What is 3 times 0\\?${boxed}`), kind: 'math' },
  },
  'gpqa-diamond': {
    repo: 'Idavidrein/gpqa',
    commit: '633f5ee89ab8ad4522a9f850766b73f62147ffdd',
    file: 'gpqa_diamond.csv',
    content: () =>
      Buffer.from(
        [gpqaColumns, ['rec0', '"What, then?"', 'this', 'x', 'y', 'z']].map((row) => row.join(',')).join('\r\n'),
      ),
    first: { id: 'rec0', expected: '', prompt: /^What, then\?\n\nA\. /, kind: 'choice' },
  },
  gaokao2023en: {
    repo: 'MARIO-Math-Reasoning/Gaokao2023-Math-En',
    commit: '6c7bdecd205ed623b5e6c92335deb4f13a7cdd9b',
    file: 'Gaokao2023-Math-En.jsonl',
    content: () =>
      lines([
        { question: 'Solve $x = 1$.', answer: '$1$' },
        { question: 'Solve $x = 2$.', answer: '$2$' },
      ]),
    first: { expected: '$1$', prompt: new RegExp(`^Solve \\$x = 1\\$\\.${boxed}`), kind: 'math' },
  },
  math500: {
    repo: 'HuggingFaceH4/MATH-500',
    commit: '6e4ed1a2a79af7d8630a6b768ec859cb5af4d3be',
    file: 'test.jsonl',
    content: () =>
      lines([
        {
          problem: 'Half of 1?',
          solution: 'So \\boxed{\\frac12}',
          answer: '\\frac12',
          unique_id: 'test/algebra/1.json',
        },
      ]),
    first: {
      id: 'test/algebra/1.json',
      expected: '\\frac12',
      prompt: new RegExp(`^Half of 1\\?${boxed}`),
      kind: 'math',
    },
  },
  gsm8k: {
    repo: 'openai/gsm8k',
    commit: '740312add88f781978c0658806c59bc2815b9866',
    file: 'main/test-00000-of-00001.parquet',
    content: () => fixture('gsm8k.parquet'),
    first: { expected: '1000', prompt: /^Ada has 0 apples/, kind: 'math' },
  },
}

let hub: FakeHub
let folder: string
beforeAll(async () => {
  hub = await FakeHub.start()
  for (const { repo, commit, file, content } of Object.values(published)) {
    hub.repos.set(`datasets/${repo}`, { commit, files: { [file]: await content(), 'README.md': Buffer.from('text') } })
  }
})
afterAll(() => hub.stop())
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dynts-tasks-'))
  hub.log.length = 0
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const load = (name: string, options: TaskLoadOptions = {}) =>
  findTask(name).load({
    ...options,
    hub: {
      env: { HF_ENDPOINT: hub.url, HF_HUB_CACHE: join(folder, 'hub'), HF_HOME: join(folder, 'none') },
      internals: { retryMs: 1 },
    },
  })

describe('from the Hub', () => {
  test.each(Object.entries(published))('%s', async (name, { repo, commit, file, first }) => {
    const task = await load(name)
    expect(task).toMatchObject({ name, source: `${repo}@${commit}/${file}` })
    expect(task.items[0]).toMatchObject({
      index: 0,
      kind: first.kind,
      prompt: expect.stringMatching(first.prompt) as string,
    })
    if (first.id !== undefined) expect(task.items[0]!.id).toBe(first.id)
    if (first.kind === 'math') expect(task.items[0]!.expected).toBe(first.expected)
    expect(task.items.map(({ index }) => index)).toEqual(task.items.map((_, i) => i))
    hub.log.length = 0
    expect(await load(name, { offline: true })).toEqual(task)
    expect(hub.log).toEqual([])
  })

  test('only so many as asked for, the same ones', async () => {
    const all = await load('aime24')
    expect(all.items).toHaveLength(3)
    const two = await load('aime24', { limit: 2 })
    expect(two.items).toEqual(all.items.slice(0, 2))
  })

  test('the order of the choices follows the seed', async () => {
    await load('gpqa-diamond')
    const prompts = await Promise.all(
      Array.from({ length: 20 }, async (_, seed) => (await load('gpqa-diamond', { seed })).items[0]!.prompt),
    )
    expect(new Set(prompts).size).toBeGreaterThan(5)
    expect((await load('gpqa-diamond')).items).toEqual((await load('gpqa-diamond', { seed: 1 })).items)
  })
})

describe('from a file', () => {
  test('a known task needs no Hub, and finds other names of fields', async () => {
    const file = join(folder, 'mine.jsonl')
    await writeFile(
      file,
      lines([
        { question: 'One half?', answer: '1/2' },
        { question: 'Two?', answer: '2' },
      ]),
    )
    const task = await load('math500', { file })
    expect(task).toMatchObject({ name: 'math500', source: file })
    expect(task.items.map(({ expected }) => expected)).toEqual(['1/2', '2'])
    expect(hub.log).toEqual([])
  })

  test('a file of the user’s own', async () => {
    const file = join(folder, 'mine.jsonl')
    await writeFile(file, lines([{ ask: 'Two?', say: '2', key: 'two' }]))
    const task = await load('file', { file, questionField: 'ask', answerField: 'say', idField: 'key' })
    expect(task.items).toEqual([
      { id: 'two', index: 0, prompt: expect.stringMatching(/^Two\?\nPlease/) as string, expected: '2', kind: 'math' },
    ])
    expect(task.name).toBe('file')
  })

  test('two questions with the same id are refused', async () => {
    const file = join(folder, 'twice.jsonl')
    await writeFile(
      file,
      lines([
        { ask: 'One?', say: '1', key: 'x' },
        { ask: 'Two?', say: '2', key: 'x' },
      ]),
    )
    const loading = load('file', { file, questionField: 'ask', answerField: 'say', idField: 'key' })
    await expect(loading).rejects.toMatchObject({ code: 'repeated_question_id' })
  })
})

test.each([
  ['the task file without a file', 'file', {}, 'file_needed'],
  ['a limit of none', 'aime24', { limit: 0 }, 'invalid_limit'],
  ['half a limit', 'gpqa-diamond', { limit: 1.5 }, 'invalid_limit'],
  ['no network and nothing in the cache', 'gsm8k', { offline: true }, 'offline'],
])('refused: %s', async (_, name, options, code) => {
  await expect(load(name, options)).rejects.toMatchObject({ name: 'InputError', code })
})
