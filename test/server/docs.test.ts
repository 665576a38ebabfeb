/** The examples of docs/server.md that ask a server: each of them, one after another, asks one that was started without options. */
import { execFile, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startDyntsServe, type DyntsServer } from './start-dynts-serve.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const page = readFileSync(`${root}docs/server.md`, 'utf8')
const blocks = (language: string) =>
  [...page.matchAll(/^```(\w+)\n([^]*?)^```$/gm)].flatMap(([, name, text = '']) => (name === language ? [text] : []))
/** Each with the lines that belong to it. */
const commands = blocks('sh').flatMap((block) => block.split(/^(?=curl )/m).filter((text) => text.startsWith('curl ')))

let server: DyntsServer
beforeAll(async () => {
  server = await startDyntsServe(['--log-level', 'error'])
})
afterAll(() => server.stop())

const run = promisify(execFile)
const hasCurl = spawnSync('curl', ['--version']).status === 0
const here = (example: string) => example.replaceAll('http://127.0.0.1:8080', server.url)

test('all that the page has of curl is run', () => {
  expect(commands.length).toBeGreaterThan(5)
  expect(page.match(/\bcurl (-|http)/g)).toHaveLength(commands.length)
})

const numbered = commands.map((command, i) => [i + 1, command] as const)
test.skipIf(!hasCurl).each(numbered)('curl, example %i', async (_number, command) => {
  const strict = 'curl() { command curl --silent --show-error --fail-with-body "$@"; }'
  const { stdout, stderr } = await run('bash', ['-c', `${strict}\n${here(command)}`])
  expect(stderr).toBe('')
  if (command.includes('DELETE')) expect(stdout).toBe('')
  else if (stdout.startsWith('data: ')) expect(stdout).toMatch(/"finish_reason":"(stop|length)"[^]*data: \[DONE\]\n\n$/)
  else {
    const answer = JSON.parse(stdout) as { error?: object | null; choices?: { message: { content: string } }[] }
    expect(answer.error ?? null).toBeNull()
    if (command.includes('json_schema')) {
      expect(JSON.parse(answer.choices![0]!.message.content)).toEqual({ coins: expect.any(Number) as number })
    }
  }
})

test('the example of JavaScript prints thinking and answer', async () => {
  const [example = '', ...others] = blocks('js')
  expect(others).toEqual([])
  const { stdout, stderr } = await run(process.execPath, ['--input-type=module', '--eval', here(example)], {
    cwd: root,
  })
  expect([stdout.length > 20, stderr]).toEqual([true, ''])
})
