/** `dynts eval --task code`: files of programs, as users have them. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { FakeHub } from '../support/hub-server.ts'
import { dynts, refusal, scratch } from './run-dynts.ts'

const write = (name: string, rows: readonly object[]) => {
  writeFileSync(join(scratch, name), rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
  return name
}
const evaluate = (args: readonly string[]) =>
  dynts(['eval', '--task', 'code', '--offline', ...args], { timeoutMs: 120_000 })
const add = {
  task_id: 'JavaScript/0',
  prompt: '// Adds.\nfunction add(a, b) {',
  test: 'function check(candidate) { console.assert(candidate(1, 2) === 3) }',
  entry_point: 'add',
}

test('is asked for as programs, and graded by running them', async () => {
  const file = write('programs.jsonl', [add, { prompt: 'Print the first prime.', output: '2' }])
  const dry = await evaluate(['--file', file, '--dry-run', '--json'])
  expect({ code: dry.code, stderr: dry.stderr }).toMatchObject({ code: 0 })
  const { tasks } = JSON.parse(dry.stdout) as { tasks: { items: Record<string, string>[] }[] }
  const [first, second] = tasks[0]?.items ?? []
  expect(first).toMatchObject({ id: 'JavaScript/0', grading: 'code' })
  expect(first?.['prompt']).toMatch(
    /^Write this function in JavaScript:\n\n```javascript\n\/\/ Adds\.\nfunction add\(a, b\) \{\n```\n/,
  )
  expect(JSON.parse(first?.['expected'] ?? '')).toEqual({
    prompt: `${add.prompt}\n`,
    test: add.test,
    entryPoint: 'add',
  })
  expect(second).toMatchObject({ id: '1', expected: '{"output":"2"}' })
  expect(second?.['prompt']).toMatch(
    /^Print the first prime\.\n\nPlease reason step by step, and give a JavaScript program/,
  )

  // The embedded model writes no programs, so none is right; that it is asked and graded at all is what counts here.
  const settings = ['--policy', 'full', '--samples', '1', '--max-tokens', '60', '--threads', '1', '--gpu', 'off']
  const run = await evaluate(['--file', file, ...settings, '--json', '-o', 'programs'])
  expect(run).toMatchObject({ code: 0 })
  expect(JSON.parse(run.stdout)).toMatchObject({
    recordedNow: 2,
    summary: { tasks: [{ configurations: [{ sampling: { pass1: { mean: 0, items: 2 } } }] }] },
  })
})

test.each<[string, object, RegExp]>([
  [
    'Python',
    {
      ...add,
      prompt: 'def add(a, b):\n    """Adds."""',
      test: 'def check(candidate):\n    assert candidate(1, 2) == 3',
    },
    /line 1 is Python, and only JavaScript/,
  ],
  ['no test', { prompt: add.prompt }, /line 1 has no test, no entry_point/],
  ['a function whose name is none', { ...add, entry_point: 'add(1); evil' }, /line 1 has a field that/],
])('%s is refused', async (name, row, message) => {
  const file = write(`${name.replaceAll(' ', '-')}.jsonl`, [row])
  expect(refusal(await evaluate(['--file', file, '--dry-run']))).toMatch(message)
})

test('without a file the problems that come along are asked', async () => {
  const { code, stdout } = await evaluate(['--dry-run', '--json'])
  expect(code).toBe(0)
  const { tasks } = JSON.parse(stdout) as { tasks: { source: string; items: { id: string; grading: string }[] }[] }
  expect(tasks[0]?.source).toBe('shipped programs')
  expect(tasks[0]?.items).toHaveLength(20)
  expect(tasks[0]?.items[0]).toMatchObject({ id: 'run-lengths', grading: 'code' })
})

test('files of the Hub come through the same door, in the layouts of HumanEvalPack and MultiPL-E', async () => {
  const hub = await FakeHub.start()
  const lines = (row: object) => Buffer.from(`${JSON.stringify(row)}\n`)
  const pack = { ...add, canonical_solution: '  return a + b\n}' }
  const multiple = {
    ...{ name: 'HumanEval_0_add', language: 'js', prompt: add.prompt },
    tests: 'function test() { let candidate = add; console.assert(candidate(1, 2) === 3) }\n\ntest();',
  }
  const commit = '48dbcf3b8935a9f4077f4f0622c9a931f5a453a5'
  const file = 'data/js/data/humanevalpack.jsonl'
  hub.repos.set('datasets/bigcode/humanevalpack', { commit, files: { [file]: lines(pack) } })
  hub.repos.set('datasets/nuprl/MultiPL-E', { commit, files: { 'humaneval-js/test.jsonl': lines(multiple) } })
  const from = { env: { HF_ENDPOINT: hub.url } }
  const planned = async (...args: string[]) => {
    const { code, stdout, stderr } = await dynts(['eval', '--dry-run', '--json', ...args], from)
    expect({ code, stderr }).toMatchObject({ code: 0 })
    return (JSON.parse(stdout) as { tasks: object[] }).tasks
  }
  try {
    expect(await planned('--task', 'humaneval-js')).toMatchObject([
      { name: 'humaneval-js', source: `bigcode/humanevalpack@${commit}/${file}`, items: [{ id: 'JavaScript/0' }] },
    ])
    expect(await planned('--task', 'code', '--file', 'hf:nuprl/MultiPL-E/humaneval-js/test.jsonl')).toMatchObject([
      { name: 'code', source: `nuprl/MultiPL-E@${commit}/humaneval-js/test.jsonl`, items: [{ id: 'HumanEval_0_add' }] },
    ])
  } finally {
    await hub.stop()
  }
})
