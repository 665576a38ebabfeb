/**
 * Prompts that are copied from earlier ones: the log-probabilities are those that a server gives which has not been asked anything else, and
 * none sees what another asked.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { generateChainProblem } from '../../src/evaluation/chain-problem.ts'
import { scratch } from '../support/scratch.ts'
import { startDyntsServe, type DyntsServer } from './start-dynts-serve.ts'

/** One slot each, and cells that round as little as they can. */
let used: DyntsServer
let fresh: DyntsServer
beforeAll(async () => {
  const keyFile = join(scratch, 'reuse-keys')
  writeFileSync(keyFile, 'ann:first\nbob:second\n')
  const settings = ['--parallel', '1', '--kv-type', 'f32', '--cells', '1024', '--api-key-file', keyFile]
  const start = () => startDyntsServe([...settings, '--log-level', 'error'])
  ;[used, fresh] = await Promise.all([start(), start()])
})
afterAll(() => Promise.all([used.stop(), fresh.stop()]))

interface Entry {
  readonly id: number
  readonly logprob: number
  readonly top_logprobs: readonly { readonly id: number; readonly logprob: number }[]
}
interface Answer {
  readonly choices: readonly {
    readonly message: { readonly content: string }
    readonly logprobs: { readonly reasoning: readonly Entry[]; readonly content: readonly Entry[] }
    readonly token_ids: readonly number[]
  }[]
  readonly usage: {
    readonly prompt_tokens: number
    readonly prompt_tokens_details: { readonly cached_tokens: number }
  }
  readonly dynts: { readonly evictions: number }
}

interface Message {
  readonly role: 'user' | 'assistant'
  readonly content: string
}

async function ask({ url }: DyntsServer, key: 'first' | 'second', body: object): Promise<Answer> {
  const told = { temperature: 0, seed: 1, logprobs: true, top_logprobs: 5, return_token_ids: true }
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'x-api-key': key },
    body: JSON.stringify({ ...told, ...body }),
  })
  const text = await response.text()
  expect(response.status, text).toBe(200)
  return JSON.parse(text) as Answer
}

const cachedOf = ({ usage }: Answer) => usage.prompt_tokens_details.cached_tokens

/** What it says, and with which odds, is what a server says that has nothing to copy. */
async function expectAsFresh(answer: Answer, body: object): Promise<void> {
  const alone = await ask(fresh, 'first', { ...body, cache_prompt: false })
  expect(cachedOf(alone)).toBe(0)
  expect(answer.choices[0]!.token_ids).toEqual(alone.choices[0]!.token_ids)
  const oddsOf = ({ choices }: Answer) => [...choices[0]!.logprobs.reasoning, ...choices[0]!.logprobs.content]
  const [told, expected] = [oddsOf(answer), oddsOf(alone)]
  expect(told.length).toBeGreaterThan(0)
  const all = (entries: readonly Entry[]) =>
    entries.flatMap(({ logprob, top_logprobs: top }) => [logprob, ...top.map((one) => one.logprob)])
  const differences = all(expected).map((logprob, i) => Math.abs(logprob - (all(told)[i] ?? NaN)))
  expect(Math.max(...differences)).toBeLessThan(1e-5)
}

const problem = (seed: number) => generateChainProblem(seed, { people: 4 }).question
const asked = (content: string): Message => ({ role: 'user', content })
const caches = {
  full: { policy: 'full' },
  dynts: { policy: 'dynts', budget: 96, local_window: 16 },
  // The question leaves as well.
  window: { policy: 'window', budget: 80, local_window: 16 },
} as const
const names = Object.keys(caches) as (keyof typeof caches)[]

describe.each(names)('under %s', (name) => {
  const dynts = caches[name]
  const seed = 20 + names.indexOf(name)

  test('the next turn reads only what is new, and has the odds of one that reads all', async () => {
    const turn = [asked(`${problem(seed)} Please.`)]
    const first = await ask(used, 'first', { messages: turn, dynts, max_tokens: 150 })
    if (name !== 'full') expect(first.dynts.evictions).toBeGreaterThan(0)
    const answer: Message = { role: 'assistant', content: first.choices[0]!.message.content.slice(0, 40) }
    const next = { messages: [...turn, answer, asked(problem(seed + 50))], dynts: caches.full, max_tokens: 40 }
    const second = await ask(used, 'first', next)
    // All of the first prompt but what opened the thinking.
    expect(cachedOf(second)).toBeGreaterThanOrEqual(first.usage.prompt_tokens - 2)
    await expectAsFresh(second, next)
    const again = await ask(used, 'first', next)
    expect(cachedOf(again)).toBe(second.usage.prompt_tokens - 1)
    await expectAsFresh(again, next)
    expect(cachedOf(await ask(used, 'first', { ...next, cache_prompt: false, max_tokens: 1 }))).toBe(0)
  })

  test('a prompt that begins as one whose cells have left since is whole', async () => {
    const words = `${problem(seed)} ${problem(seed + 1)}`
    const before = await ask(used, 'first', { messages: [asked(problem(seed))], dynts, max_tokens: 150 })
    if (name !== 'full') expect(before.dynts.evictions).toBeGreaterThan(0)
    for (const content of [problem(seed), `${words.slice(0, words.length / 3)} Hm.`]) {
      const body = { messages: [asked(content)], dynts, max_tokens: 80 }
      const answer = await ask(used, 'first', body)
      expect(cachedOf(answer)).toBeGreaterThan(10)
      await expectAsFresh(answer, body)
    }
  })

  test('who comes into the slot of another gets nothing of what that one asked', async () => {
    const mine = problem(seed + 100)
    await ask(used, 'first', { messages: [asked(mine)], dynts, max_tokens: 150 })
    for (const content of [mine, `${mine.slice(0, mine.length / 2)} Hm.`, problem(seed + 150)]) {
      const body = { messages: [asked(content)], dynts, max_tokens: 80 }
      const answer = await ask(used, 'second', body)
      // Where nobody else asks, what is copied is the client's own.
      expect(cachedOf(answer)).toBeLessThanOrEqual(cachedOf(await ask(fresh, 'second', body)))
      await expectAsFresh(answer, body)
      await ask(used, 'first', { messages: [asked(content)], dynts, max_tokens: 60 })
    }
  })
})
