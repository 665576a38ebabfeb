/** `dynts chat` with lines from a pipe: what each line does, and that nothing ends it but its end. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { dynts, scratch, shortProblem } from './run-dynts.ts'

const greedy = ['chat', 'tiny', '--temperature', '0', '--threads', '1', '--gpu', 'off']
const lines = (...all: string[]): { stdin: string } => ({ stdin: `${all.join('\n')}\n` })

interface Saved {
  readonly messages: { role: string; content: string; reasoning_content?: string }[]
  readonly turns: {
    result: { usage: { promptTokens: number; cachedPromptTokens: number }; cache: { policy: string } }
  }[]
}

const saved = (name: string): Saved => JSON.parse(readFileSync(join(scratch, name), 'utf8')) as Saved

test('each turn has those before it, and reuses their cells', async () => {
  const file = 'two-turns.json'
  const { code, stdout, stderr } = await dynts(
    greedy,
    lines(shortProblem.question, 'Ava has 5 coins. How many coins does Ava have?', `/save ${file}`),
  )
  expect(code).toBe(0)
  const { messages, turns } = saved(file)
  expect(messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'user', 'assistant'])
  const [first, second] = turns.map(({ result }) => result.usage)
  expect(first?.cachedPromptTokens).toBe(0)
  // All of the first prompt but what opens the thinking, which the template leaves out of earlier turns.
  expect(second?.cachedPromptTokens).toBeGreaterThanOrEqual((first?.promptTokens ?? 0) - 2)
  expect(second?.promptTokens).toBeGreaterThan(first?.promptTokens ?? 0)
  for (const { content, reasoning_content } of messages.filter(({ role }) => role === 'assistant')) {
    expect(stdout).toContain(content)
    expect(stdout).toContain(reasoning_content)
  }
  expect(stderr).toMatch(/\d+ of \d+ prompt tokens reused/)
})

test('settings change between two questions; what cannot be is said, and the chat goes on', async () => {
  const file = 'settings.json'
  const { code, stderr } = await dynts(
    greedy,
    lines(
      '/think',
      '/polcy full',
      '/policy h2',
      '/budget many',
      '/budget 4',
      '/quit now',
      '/policy full',
      '/budget 100',
      shortProblem.question,
      '/policy question-window',
      '/budget 128',
      '/retry',
      `/save ${file}`,
      `/save ${file}`,
      '/new',
      '/retry',
      '/quit',
      'never asked',
    ),
  )
  expect(code).toBe(0)
  const complaints = stderr.split('\n').filter((line) => line.startsWith('! '))
  expect(complaints).toHaveLength(9)
  const [think, name, policy, many, four, quit, full, exists, nothing] = complaints
  expect(think).toContain('nothing has been answered')
  expect(name).toContain('policy')
  expect(policy).toContain('h2o')
  expect(many).toContain('whole number')
  expect(four).toMatch(/budget/i)
  expect(quit).toContain('/quit takes nothing')
  expect(full).toContain('no effect')
  expect(exists).toContain('exists already')
  expect(nothing).toContain('nothing has been answered')
  // The retried turn took the place of the first.
  expect(saved(file).turns.map(({ result }) => result.cache.policy)).toEqual(['question-window'])
})

test('a line that ends with a backslash goes on in the next', async () => {
  const file = 'long-line.json'
  await dynts(greedy, lines('Ava has 5 coins. \\', 'How many coins does Ava have?', `/save ${file}`))
  expect(saved(file).messages[0]?.content).toBe('Ava has 5 coins. \nHow many coins does Ava have?')
})

test('Ctrl-C ends an answer and not the chat', async () => {
  const file = 'stopped.json'
  let isStopped = false
  const { code, stderr } = await dynts([...greedy, '--max-tokens', '4000'], {
    ...lines(shortProblem.question, `/save ${file}`),
    onOutput: (child, stdout) => {
      if (isStopped || !stdout.includes('<think>')) return
      isStopped = true
      child.kill('SIGINT')
    },
  })
  expect(code).toBe(0)
  expect(stderr).toContain(`written to ${file}`)
  expect(saved(file).turns).toHaveLength(1)
})

test('two models are one too many', async () => {
  const { code, stderr } = await dynts(['chat', 'a.gguf', '--model', 'b.gguf'], lines())
  expect(code).toBe(2)
  expect(stderr).toMatch(/^dynts: two models/)
})
