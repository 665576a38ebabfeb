/**
 * `dynts eval --task gpqa-diamond` on the embedded model, from a file in the official layout and from a Hub: it cannot answer
 * such questions, but everything around them can be seen.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { FakeHub, fail } from '../support/hub-server.ts'
import { dynts, refusal, scratch } from './run-dynts.ts'

/** Questions of our own, in columns of the official file. */
const rows = [
  {
    'Record ID': 'rec0',
    Question: 'Two states live for 10^-9 s and 10^-8 s.\nWhich difference of energies resolves them, "clearly"?',
    'Correct Answer': '10^-4 eV\n',
    wrong: ['10^-11 eV', '10^-8 eV', '10^-9 eV'],
  },
  {
    'Record ID': 'rec1',
    Question: 'C7H8O turns FeCl3 "violet".\n\nWhat is it, then?\n',
    'Correct Answer': 'p-cresol',
    wrong: ['benzyl alcohol, pure', 'anisole', '"none" of these'],
  },
  {
    'Record ID': 'rec2',
    Question: '1 Å is',
    'Correct Answer': '10^-10 m',
    wrong: ['10^-9 m', '10^-8 m', '10^-7 m'],
  },
]
const table = rows.map(({ wrong: [one = '', two = '', three = ''], ...row }) => ({
  'Pre-Revision Question': `${row.Question} (before)`,
  'Self-reported question-writing time (minutes)': '35.0',
  Question: row.Question,
  'Correct Answer': row['Correct Answer'],
  'Incorrect Answer 1': one,
  'Incorrect Answer 2': two,
  'Incorrect Answer 3': three,
  Explanation: 'Because,\r\n"so"',
  'Record ID': row['Record ID'],
  'Canary String': '',
}))
const field = (text: string) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)
const csv = [Object.keys(table[0]!), ...table.map((row) => Object.values(row))]
  .map((line) => `${line.map(field).join(',')}\n`)
  .join('')

const at = (name: string) => join(scratch, name)
const evaluate = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  dynts(['eval', '--task', 'gpqa-diamond', '--samples', '2', '--max-tokens', '30', '--threads', '1', ...args], { env })

interface Plan {
  readonly tasks: readonly {
    readonly source: string
    readonly items: readonly { id: string; prompt: string; expected: string; grading: string }[]
  }[]
}
const planOf = (folder: string) => (JSON.parse(readFileSync(at(`${folder}/plan.json`), 'utf8')) as Plan).tasks[0]!

let hub: FakeHub
beforeAll(async () => {
  hub = await FakeHub.start()
  const commit = '633f5ee89ab8ad4522a9f850766b73f62147ffdd'
  hub.repos.set('datasets/Idavidrein/gpqa', { commit, files: { 'gpqa_diamond.csv': Buffer.from(csv) } })
})
afterAll(() => hub.stop())

test('from a file: the choices in their prompts, a letter to be right, published settings, tables', async () => {
  writeFileSync(at('gpqa.csv'), csv)
  const { code, stdout, stderr } = await evaluate([
    ...['--file', 'gpqa.csv', '--policy', 'full,dynts', '--metric', 'pass,replay-loss', '-o', 'file', '--offline'],
  ])
  expect({ code, stderr }).toMatchObject({ code: 0 })
  expect(stderr).toMatch(/^ {2}dynts B 5000 W_l 2000 ratio 0\.4: 3 items x 2 samples$/m)
  expect(stdout).toMatch(/^gpqa-diamond \(gpqa\.csv\): B 5000, W_l 2000, ratio 0\.4;/m)
  expect(stdout).toMatch(/^\| `dynts` +\| +3 \|/m)
  const { items } = planOf('file')
  expect(items.map(({ id, grading }) => `${id} ${grading}`)).toEqual(['rec0 choice', 'rec1 choice', 'rec2 choice'])
  for (const [i, { prompt, expected }] of items.entries()) {
    const { Question, wrong, 'Correct Answer': right } = rows[i]!
    const [question, choices] = prompt.split(/\n\n(?=A\. )/)
    expect(question).toBe(Question.trim())
    const shown = [...choices!.matchAll(/^([A-D])\. (.*)$/gm)].map(([, letter, text]) => [letter, text] as const)
    expect(new Set(shown.map(([, text]) => text))).toEqual(new Set([right.trim(), ...wrong]))
    expect(new Map(shown).get(expected)).toBe(right.trim())
  }
  const records = readFileSync(at('file/records.jsonl'), 'utf8').trimEnd().split('\n')
  expect(records).toHaveLength(12)
  for (const record of records) expect(record).toMatch(/"graded":"(letter|no-answer|truncated)"/)
})

test('from the Hub, then from the cache: the same questions as from the file', async () => {
  const HF_ENDPOINT = hub.url
  const downloaded = await evaluate(['--policy', 'full', '-o', 'hub'], { HF_ENDPOINT })
  expect(downloaded).toMatchObject({ code: 0 })
  expect(planOf('hub').source).toMatch(/^Idavidrein\/gpqa@633f5ee8\w+\/gpqa_diamond\.csv$/)
  expect(planOf('hub').items).toEqual(planOf('file').items)
  const again = await evaluate(['--policy', 'full', '-o', 'hub', '--offline'])
  expect(again).toMatchObject({ code: 0, stdout: downloaded.stdout })
})

test('behind its form: says what to do', async () => {
  hub.hubFault = (_, response) => {
    fail(response, 403, 'GatedRepo')
    return true
  }
  const gated = await evaluate(['-o', 'gated'], { HF_ENDPOINT: hub.url, HF_HOME: at('other') })
  expect(refusal(gated)).toMatch(/Idavidrein\/gpqa.*HF_TOKEN/)
})
