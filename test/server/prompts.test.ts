/** Prompts of a real server with the embedded model: turns that are begun, and texts that do not fit. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { generateChainProblem } from '../../src/evaluation/chain-problem.ts'
import { startDyntsServe, type DyntsServer } from './start-dynts-serve.ts'

let server: DyntsServer
beforeAll(async () => {
  // Slots of 256 cells.
  server = await startDyntsServe([
    ...['--parallel', '2', '--budget', '200', '--local-window', '50', '--policy', 'question-window'],
    ...['--max-text', '4000', '--log-level', 'error'],
  ])
})
afterAll(() => server.stop())

interface Answer {
  readonly choices: readonly { readonly message: { readonly content: string; readonly reasoning_content?: string } }[]
  readonly usage: { readonly prompt_tokens: number }
  readonly dynts: { readonly budget: number; readonly thinking_closed: string | null }
  readonly prompt: string
  readonly input_tokens: number
  readonly error: {
    readonly code: string
    readonly message: string
    readonly param: string | null
    readonly least_budget?: number
  }
}

async function post(body: object, path = '/v1/chat/completions'): Promise<{ status: number; body: Answer }> {
  const response = await fetch(`${server.url}${path}`, { method: 'POST', body: JSON.stringify(body) })
  return { status: response.status, body: (await response.json()) as Answer }
}

const { question, answer } = generateChainProblem(2, { people: 3 })
const asked = { role: 'user', content: question }
const greedy = { temperature: 0, dynts: { policy: 'full' } }

describe('a turn that is begun', () => {
  test('goes on with its answer, as if nothing had come between', async () => {
    const { message } = (await post({ ...greedy, messages: [asked] })).body.choices[0]!
    const [content, thinking] = [message.content, message.reasoning_content]
    expect(content).toContain(`\\boxed{${answer}}`)
    // At a word's end: the space belongs to what follows.
    const cut = content.indexOf(' ', content.length / 2)
    const begun = { role: 'assistant', content: content.slice(0, cut), reasoning_content: thinking }
    const asks = { ...greedy, messages: [asked, begun] }
    const rest = (await post(asks)).body
    expect(begun.content + rest.choices[0]!.message.content).toBe(content)
    expect(rest.choices[0]!.message.reasoning_content).toBeUndefined()
    const withVllmsFields = { ...asks, continue_final_message: true, add_generation_prompt: false }
    expect((await post(withVllmsFields)).body.choices[0]!.message.content).toBe(rest.choices[0]!.message.content)
    const stream = await fetch(`${server.url}/v1/chat/completions`, {
      method: 'POST',
      body: JSON.stringify({ ...asks, stream: true }),
    })
    const deltas = [...(await stream.text()).matchAll(/^data: (\{.*)$/gm)].map(([, json = '']) => {
      const { choices } = JSON.parse(json) as { choices: { delta: { content?: string | null } }[] }
      return choices[0]!.delta.content ?? ''
    })
    expect(deltas.join('')).toBe(rest.choices[0]!.message.content)
  })

  test('goes on with its thinking', async () => {
    const { message } = (await post({ ...greedy, messages: [asked] })).body.choices[0]!
    const thinking = message.reasoning_content!
    const cut = thinking.indexOf(' ', thinking.length / 2)
    const begun = { role: 'assistant', content: '', reasoning_content: thinking.slice(0, cut) }
    const rest = (await post({ ...greedy, messages: [asked, begun] })).body.choices[0]!.message
    expect(begun.reasoning_content + rest.reasoning_content!).toBe(thinking)
    expect(rest.content).toBe(message.content)
  })

  test('stands in the prompt, and is counted', async () => {
    const begun = { role: 'assistant', content: 'The answer is', reasoning_content: 'Easy.' }
    const { body } = await post({ messages: [asked, begun] }, '/apply-template')
    expect(body.prompt).toMatch(/<think>\nEasy\.\n<\/think>\n\nThe answer is$/)
    const [without, whole] = await Promise.all(
      [[asked], [asked, begun]].map((messages) => post({ messages }, '/v1/chat/completions/input_tokens')),
    )
    expect(whole!.body.input_tokens).toBeGreaterThan(without!.body.input_tokens + 5)
  })

  test.each<[string, { begun?: object; [field: string]: unknown }, string]>([
    ['is not to go on', { continue_final_message: false }, 'invalid_value'],
    [
      'is to go on and to begin',
      { continue_final_message: true, add_generation_prompt: true },
      'conflicting_parameters',
    ],
    ['is neither to go on nor to begin', { add_generation_prompt: false }, 'conflicting_parameters'],
    ['must be JSON', { response_format: { type: 'json_object' } }, 'conflicting_parameters'],
    [
      'has a thinking and must have none',
      { enable_thinking: false, begun: { content: '', reasoning_content: 'a' } },
      'invalid_request',
    ],
  ])('and %s is refused', async (_what, { begun, ...fields }, code) => {
    const messages = [asked, { role: 'assistant', content: 'The', ...begun }]
    const { status, body } = await post({ messages, ...fields })
    expect([status, body.error.code]).toEqual([400, code])
  })
})

describe('a prompt that does not fit the budget', () => {
  /** A text, and how many tokens it is as a prompt. */
  async function ofTokens(count: number): Promise<{ role: string; content: string }> {
    for (let words = count; ; words--) {
      const message = { role: 'user', content: ' coins'.repeat(words) }
      const asks = { messages: [message], dynts: { policy: 'full' }, max_tokens: 1 }
      if ((await post(asks, '/v1/chat/completions/input_tokens')).body.input_tokens === count) return message
    }
  }

  test('gets the least one with room to think, where the slot has it', async () => {
    const fits = await post({ messages: [await ofTokens(149)], max_tokens: 3 })
    expect([fits.status, fits.body.dynts.budget]).toEqual([200, 200])
    const messages = [await ofTokens(150)]
    const { status, body } = await post({ messages, max_tokens: 3 })
    expect([status, body.usage.prompt_tokens, body.dynts.budget]).toEqual([200, 150, 250])
    expect((await post({ messages }, '/v1/chat/completions/input_tokens')).body.input_tokens).toBe(150)
    // What the client says itself is what it gets.
    const own = await post({ messages, dynts: { budget: 200 } })
    expect([own.status, own.body.error.code, own.body.error.least_budget]).toEqual([
      400,
      'context_length_exceeded',
      201,
    ])
    expect(own.body.error.message).toBe(
      'request (150 tokens) exceeds the available context size (149 tokens), try increasing it: shorten the conversation, or give dynts.budget 201 or more',
    )
    expect((await post({ messages, max_tokens: 3, dynts: { budget: 201 } })).status).toBe(200)
  })

  test('is told the budget that would do', async () => {
    const messages = [await ofTokens(190)]
    const { status, body } = await post({ messages })
    expect([status, body.error.code]).toEqual([400, 'context_length_exceeded'])
    expect(body.error.message).toMatch(
      /exceeds the available context size \(156 tokens\).* give dynts.budget 241 or more$/,
    )
    expect((await post({ messages, max_tokens: 3, dynts: { budget: 241 } })).status).toBe(200)
    const models = (await (await fetch(`${server.url}/v1/models/tiny`)).json()) as {
      dynts: { max_prompt_tokens: number }
    }
    expect(models.dynts.max_prompt_tokens).toBe(156)
    const longer = await post({ messages: [await ofTokens(230)] })
    expect(longer.body.error.message).toMatch(/start the server with --cells 281 or more$/)
  })
})

test.each([
  '/v1/chat/completions',
  '/v1/chat/completions/input_tokens',
  '/apply-template',
  '/v1/completions',
  '/v1/responses',
])('%s: a text that is too long is refused before it is tokenised', async (path) => {
  const content = 'a'.repeat(4001)
  const ask = { '/v1/completions': { prompt: content }, '/v1/responses': { input: content } }[path]
  const body = ask ?? { messages: [{ role: 'user', content }] }
  const { status, body: refused } = await post(body, path)
  expect([status, refused.error.code]).toEqual([400, 'context_length_exceeded'])
  expect(refused.error.message).toMatch(/^request \(more than 250 tokens\).*--max-text$/)
})
