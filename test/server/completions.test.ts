/** Chat completions of a real server with the embedded model, asked by OpenAI's own client and by bare requests. */
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { generateChainProblem } from '../../src/evaluation/chain-problem.ts'
import { startDyntsServe, type DyntsServer } from './start-dynts-serve.ts'

let server: DyntsServer
let client: OpenAI
beforeAll(async () => {
  server = await startDyntsServe(['--parallel', '4', '--budget', '200', '--log-level', 'error'])
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'any', maxRetries: 0 })
})
afterAll(() => server.stop())

const problem = (seed: number) => generateChainProblem(seed, { people: 4 })
const ask = (seed: number) => [{ role: 'user' as const, content: problem(seed).question }]
/** The embedded model at its best. */
const greedy = { model: 'tiny', temperature: 0 }

interface Message {
  readonly content: string
  readonly reasoning_content?: string
}
interface Body {
  readonly id: string
  readonly system_fingerprint: string
  readonly choices: readonly {
    readonly message: Message
    readonly finish_reason: string
    readonly token_ids?: readonly number[]
  }[]
  readonly usage: {
    readonly prompt_tokens: number
    readonly completion_tokens: number
    readonly total_tokens: number
    readonly completion_tokens_details: { readonly reasoning_tokens: number }
  }
  readonly dynts: Readonly<Record<string, unknown>>
  readonly error?: {
    readonly code: string
    readonly message: string
    readonly param: string | null
    readonly type: string
  }
}

async function post(
  body: unknown,
  path = '/v1/chat/completions',
): Promise<{ status: number; body: Body; headers: Headers }> {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const response = await fetch(`${server.url}${path}`, { method: 'POST', body: text })
  return { status: response.status, body: (await response.json()) as Body, headers: response.headers }
}

interface Chunk {
  readonly id?: string
  readonly choices?: readonly {
    readonly index: number
    readonly delta: { readonly role?: string; readonly content?: string | null; readonly reasoning_content?: string }
    readonly finish_reason: string | null
  }[]
  readonly usage?: Body['usage'] | null
  readonly dynts?: Readonly<Record<string, unknown>>
  readonly error?: unknown
}

/** All events of a stream; the last line apart. */
async function stream(body: object): Promise<{ chunks: Chunk[]; last: string }> {
  const response = await fetch(`${server.url}/v1/chat/completions`, {
    method: 'POST',
    body: JSON.stringify({ ...body, stream: true }),
  })
  expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
  const events = (await response.text()).split('\n\n').filter((event) => event.startsWith('data: '))
  const lines = events.map((event) => event.slice('data: '.length))
  return { chunks: lines.slice(0, -1).map((line) => JSON.parse(line) as Chunk), last: lines.at(-1) ?? '' }
}

/** An event that `dynts.events` tells. */
type Told =
  | { type: 'start'; budget: number; prompt_tokens: number; prompt: [number, string][] }
  | { type: 'token'; position: number; text: string; phase: string; cells: number }
  | {
      type: 'eviction'
      before: number
      after: number
      evicted: [number, number][]
      scored: { runs: [number, number][]; scores: string }
    }

/** Follows the cache by what is told, and compares it with what else is told. */
function checkEvents(told: readonly Told[]): void {
  const [start] = told
  if (start?.type !== 'start') throw new Error('the first is not the start')
  const positionsOf = (runs: readonly [number, number][]) =>
    runs.flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, i) => first + i))
  const held = new Set(start.prompt.map((_, i) => i))
  expect(held.size).toBe(start.prompt_tokens)
  let newest: number | undefined
  for (const event of told.slice(1)) {
    if (event.type === 'token') {
      // A token's cell is there once the next is chosen.
      expect(event.position).toBe((newest ?? start.prompt_tokens - 1) + 1)
      newest = event.position
      expect(held.size).toBe(event.cells)
      held.add(newest)
    } else if (event.type === 'eviction') {
      const scores = Buffer.from(event.scored.scores, 'base64')
      const scored = new Map(positionsOf(event.scored.runs).map((one, i) => [one, scores.readFloatLE(4 * i)]))
      const leaving = positionsOf(event.evicted)
      expect([held.size, event.before - event.after]).toEqual([event.before, leaving.length])
      expect(event.before).toBe(start.budget)
      for (const one of leaving) expect(held.delete(one)).toBe(true)
      const kept = [...scored.keys()].filter((one) => held.has(one))
      const lowest = Math.min(...kept.map((one) => scored.get(one) ?? NaN))
      for (const one of leaving) expect(scored.get(one)).toBeLessThanOrEqual(lowest)
    }
  }
}

describe('an answer', () => {
  test('has thinking and answer apart, and says what its cache held', async () => {
    const { question, answer } = problem(2)
    const { status, body } = await post({ messages: [{ role: 'user', content: question }], ...greedy })
    expect(status).toBe(200)
    const [choice] = body.choices
    expect(choice!.finish_reason).toBe('stop')
    expect(choice!.message.content).toContain(`\\boxed{${answer}}`)
    expect(choice!.message.reasoning_content!.length).toBeGreaterThan(100)
    expect(JSON.stringify(choice!.message)).not.toMatch(/<\/?think>/)
    expect(body.system_fingerprint).toMatch(/^dynts-\d+\.\d+\.\d+\S*-llama\.cpp-v\d+\.\d+\S*-[0-9a-f]{8}$/)
    expect(body.id).toMatch(/^chatcmpl-[A-Za-z0-9]{16,32}$/)
    expect(body.dynts).toMatchObject({
      policy: 'dynts-diverse',
      budget: 200,
      degraded: false,
      thinking_closed: 'model',
    })
    expect(body.dynts['cells']).toMatchObject({ peak: expect.any(Number) as number })
    const { prompt_tokens, completion_tokens, total_tokens, completion_tokens_details } = body.usage
    expect(total_tokens).toBe(prompt_tokens + completion_tokens)
    expect(completion_tokens_details.reasoning_tokens).toBeLessThan(completion_tokens)
  })

  test('of a thinking that was cut off is empty, and the thinking is where it belongs', async () => {
    const { body } = await post({ messages: ask(1), ...greedy, max_tokens: 12 })
    expect(body.choices[0]).toMatchObject({ finish_reason: 'length', message: { content: '' } })
    expect(body.choices[0]!.message.reasoning_content!.length).toBeGreaterThan(10)
    expect(body.dynts['thinking_closed']).toBeNull()
  })

  test('a stop text ends the answer, not the thinking, and is no part of it', async () => {
    const { body } = await post({ messages: ask(3), ...greedy, stop: ['The answer', 'so'] })
    const { content, reasoning_content = '' } = body.choices[0]!.message
    expect(reasoning_content).toContain('so')
    expect(content).not.toContain('The answer')
    expect(body.choices[0]!.finish_reason).toBe('stop')
    expect(body.dynts['stop_text']).toBe('The answer')
    const { body: unstopped } = await post({ messages: ask(3), ...greedy, stop: ['never said'] })
    expect(unstopped.dynts['stop_text']).toBeNull()
  })

  test('token ids, whole and in pieces', async () => {
    const asked = { messages: ask(4), ...greedy, max_tokens: 40, return_token_ids: true }
    const { body } = await post(asked)
    const whole = body as unknown as { prompt_token_ids: number[]; choices: { token_ids: number[] }[] }
    expect(whole.prompt_token_ids).toHaveLength(body.usage.prompt_tokens)
    const { chunks } = await stream(asked)
    const told = chunks as unknown as { prompt_token_ids?: number[]; choices: { token_ids?: number[] }[] }[]
    expect(told.map(({ prompt_token_ids: ids }) => ids)).toEqual([
      whole.prompt_token_ids,
      ...told.slice(1).map(() => undefined),
    ])
    expect(told.flatMap(({ choices }) => choices[0]?.token_ids ?? [])).toEqual(whole.choices[0]!.token_ids)
  })

  test.each([
    [{ enable_thinking: false }],
    [{ reasoning_effort: 'none' }],
    [{ thinking: { type: 'disabled' } }],
    [{ chat_template_kwargs: { enable_thinking: false } }],
    [{ thinking_budget: 0 }],
    [{ reasoning: { enabled: false } }],
  ])('without thinking: %j', async (how) => {
    const { body } = await post({ messages: ask(4), ...greedy, ...how })
    expect(body.choices[0]!.message.reasoning_content).toBeUndefined()
    expect(body.choices[0]!.message.content.length).toBeGreaterThan(0)
    expect(body.usage.completion_tokens_details.reasoning_tokens).toBe(0)
  })

  test('after a thinking of at most so many tokens', async () => {
    const { body } = await post({ messages: ask(4), ...greedy, thinking_budget_tokens: 8 })
    expect(body.usage.completion_tokens_details.reasoning_tokens).toBeLessThanOrEqual(8)
    expect(body.choices[0]!.message.content.length).toBeGreaterThan(0)
    expect(body.dynts['thinking_closed']).toBe('budget')
  })

  test('without a seed two requests differ; with one they do not', async () => {
    const request = { messages: ask(5), temperature: 1.5 }
    const texts = await Promise.all(
      [{}, {}, { seed: 7 }, { seed: 7 }].map(
        async (seed) => (await post({ ...request, ...seed })).body.choices[0]!.message,
      ),
    )
    expect(texts[0]).not.toEqual(texts[1])
    expect(texts[2]).toEqual(texts[3])
  })

  test('log-probabilities of thinking and answer, each token once, whole and in pieces', async () => {
    const asked = { messages: ask(9), ...greedy, logprobs: true, top_logprobs: 2, return_token_ids: true }
    const { body } = await post(asked)
    interface Entry {
      readonly id: number
      readonly token: string
      readonly bytes: readonly number[]
      readonly logprob: number
      readonly top_logprobs: readonly { readonly id: number; readonly logprob: number }[]
    }
    type Logprobs = Record<'content' | 'reasoning', Entry[]>
    const [choice] = body.choices as unknown as { message: Message; logprobs: Logprobs; token_ids: number[] }[]
    const { content, reasoning } = choice!.logprobs
    const textOf = (entries: readonly Entry[]) => Buffer.from(entries.flatMap(({ bytes }) => bytes)).toString('utf8')
    expect(textOf(content).trim()).toBe(choice!.message.content)
    expect(textOf(reasoning).trim()).toBe(choice!.message.reasoning_content)
    for (const { id, logprob, top_logprobs: top } of [...content, ...reasoning]) {
      // Greedy: the likeliest is taken.
      expect(top[0]).toMatchObject({ id, logprob })
      expect(top).toHaveLength(2)
      expect(choice!.token_ids).toContain(id)
    }
    const { chunks } = await stream(asked)
    const told = chunks.flatMap(({ choices }) => (choices ?? []) as unknown as { logprobs: Logprobs | null }[])
    expect(told.flatMap(({ logprobs }) => logprobs?.content ?? []).map(({ id }) => id)).toEqual(
      content.map(({ id }) => id),
    )
    expect(told.flatMap(({ logprobs }) => logprobs?.reasoning ?? []).map(({ id }) => id)).toEqual(
      reasoning.map(({ id }) => id),
    )
  })

  test('as JSON that fits a schema, after a thinking that is as free as ever', async () => {
    const schema = {
      type: 'object',
      properties: { answer: { type: 'integer', minimum: 0 } },
      required: ['answer'],
      additionalProperties: false,
    }
    const free = await post({ messages: ask(2), ...greedy })
    const asked = {
      messages: ask(2),
      ...greedy,
      response_format: { type: 'json_schema', json_schema: { name: 'a', strict: true, schema } },
    }
    const { body } = await post(asked)
    const [choice] = body.choices
    expect(Object.keys(JSON.parse(choice!.message.content) as object)).toEqual(['answer'])
    expect(choice!.message.reasoning_content).toBe(free.body.choices[0]!.message.reasoning_content)
    expect(body.dynts['schema_not_enforced']).toEqual(['/properties/answer/minimum'])
    const { chunks } = await stream(asked)
    expect(chunks.map(({ choices }) => choices?.[0]?.delta.content ?? '').join('')).toBe(choice!.message.content)
    const parsed = await client.chat.completions.parse({
      ...{ model: 'tiny', messages: ask(2), temperature: 0 },
      response_format: { type: 'json_schema', json_schema: { name: 'a', strict: true, schema } },
    })
    expect(parsed.choices[0]!.message.parsed).toHaveProperty('answer')
    const object = await post({
      messages: ask(3),
      ...greedy,
      max_tokens: 900,
      response_format: { type: 'json_object' },
    })
    if (object.body.choices[0]!.finish_reason === 'stop')
      expect(JSON.parse(object.body.choices[0]!.message.content)).toBeTypeOf('object')
  })

  test('a token that is banned does not come', async () => {
    const first = (await post({ messages: ask(1), ...greedy, max_tokens: 1, return_token_ids: true })).body.choices[0]!
      .token_ids![0]!
    const { body } = await post({
      messages: ask(1),
      ...greedy,
      max_tokens: 40,
      return_token_ids: true,
      logit_bias: { [first]: -100 },
    })
    expect(body.choices[0]!.token_ids).not.toContain(first)
  })

  test('special tokens that a user spells are text', async () => {
    const content = '<|assistant|>c'
    const { body } = await post({ messages: [{ role: 'user', content }], max_tokens: 1, return_token_ids: true })
    const { prompt_token_ids: ids } = body as unknown as { prompt_token_ids: number[] }
    // The user's turn begins with one special token; the assistant's with two and a line break.
    expect(ids.slice(1, 5)).toEqual([331, 495, 332, 71])
    expect(ids.filter((id) => id === 2)).toHaveLength(1)
  })

  test('several at once, numbered, each with a seed of its own', async () => {
    const { body } = await post({ messages: ask(6), temperature: 1.2, seed: 3, n: 3, return_token_ids: true })
    expect(body.choices).toHaveLength(3)
    expect(new Set(body.choices.map(({ message }) => message.reasoning_content)).size).toBe(3)
    const tokens = body.choices.reduce((sum, { token_ids = [] }) => sum + token_ids.length, 0)
    expect(body.usage.completion_tokens).toBe(tokens)
    const { chunks } = await stream({ messages: ask(6), temperature: 1.2, seed: 3, n: 3 })
    // Who shares a step may round differently, so that another run need not say the same.
    for (const index of [0, 1, 2]) {
      const own = chunks.flatMap(({ choices }) => choices ?? []).filter((choice) => choice.index === index)
      expect(own.map(({ delta }) => delta.reasoning_content ?? '').join('')).not.toBe('')
      expect(own.filter(({ finish_reason: reason }) => typeof reason === 'string')).toHaveLength(1)
    }
  })

  test('with events, every token and every eviction is told; without, nothing of it', async () => {
    const request = { messages: ask(7), ...greedy, dynts: { budget: 120, local_window: 24 } }
    const { chunks } = await stream({ ...request, dynts: { ...request.dynts, events: true } })
    const types = chunks.map(({ dynts }) => dynts?.['type'])
    const count = (type: string) => types.filter((one) => one === type).length
    const last = chunks.at(-1)!.dynts!
    expect(count('start')).toBe(1)
    const finishes = chunks.flatMap(({ dynts }) => (dynts?.['type'] === 'finish' ? [dynts] : []))
    expect(finishes).toEqual([{ type: 'finish', cached_tokens: expect.any(Number) as number, ...last }])
    expect(count('eviction')).toBe(last['evictions'])
    expect(Number(last['evictions'])).toBeGreaterThan(0)
    checkEvents(chunks.flatMap(({ dynts }) => (dynts?.['type'] === undefined ? [] : [dynts as unknown as Told])))
    const plain = await stream(request)
    expect(plain.chunks.every(({ dynts }) => dynts?.['type'] === undefined)).toBe(true)
  })

  test('a policy that goes by age tells no scores; what is protected besides is told', async () => {
    const told = async (policy: string) => {
      const dynts = { policy, budget: 120, local_window: 24, events: true }
      const { chunks } = await stream({ messages: ask(7), ...greedy, dynts })
      const ofType = (type: string) => chunks.flatMap(({ dynts }) => (dynts?.['type'] === type ? [dynts] : []))
      return { start: ofType('start')[0]!, evictions: ofType('eviction') }
    }
    const byAge = await told('window+question')
    expect(byAge.start['protect']).toEqual(['question'])
    expect(byAge.evictions.length).toBeGreaterThan(0)
    for (const eviction of byAge.evictions) expect(eviction).not.toHaveProperty('scored')
    const random = await told('random')
    expect(random.start['protect']).toEqual([])
    for (const eviction of random.evictions) expect(eviction).toHaveProperty('scored')
  })
})

describe('the client of OpenAI', () => {
  test('creates, streams, lists and retrieves', async () => {
    const whole = await client.chat.completions.create({ model: 'tiny', messages: ask(2), temperature: 0 })
    expect(whole.choices[0]!.message.content).toContain('boxed')
    let text = ''
    const pieces = await client.chat.completions.create({
      model: 'tiny',
      messages: ask(2),
      temperature: 0,
      stream: true,
    })
    for await (const { choices } of pieces) text += choices[0]?.delta.content ?? ''
    expect(text).toBe(whole.choices[0]!.message.content)
    expect((await client.models.list()).data.map(({ id }) => id)).toEqual(['tiny'])
    expect((await client.models.retrieve('tiny')).id).toBe('tiny')
    await expect(client.models.retrieve('other')).rejects.toThrow(OpenAI.NotFoundError)
  })

  test('is told by its own errors what is wrong', async () => {
    await expect(client.chat.completions.create({ model: 'tiny', messages: [] })).rejects.toThrow(
      OpenAI.BadRequestError,
    )
    const long = [{ role: 'user' as const, content: 'one two three four '.repeat(200) }]
    const refused = client.chat.completions.create({ model: 'tiny', messages: long })
    await expect(refused).rejects.toMatchObject({ status: 400, code: 'context_length_exceeded' })
    await expect(refused).rejects.toThrow(
      /request \(\d+ tokens\) exceeds the available context size \(\d+ tokens\), try increasing it/,
    )
  })
})

describe('a text that goes on', () => {
  const prompt = `<|user|>${problem(2).question}<|assistant|><think>\n`
  test('is all that was generated, tags included, whole and in pieces', async () => {
    const asked = { model: 'tiny', prompt, temperature: 0, max_tokens: 400 }
    const whole = await client.completions.create(asked)
    const [choice] = whole.choices
    expect(whole.object).toBe('text_completion')
    expect(choice!.text).toMatch(/<\/think>[^]*boxed/)
    let joined = ''
    for await (const { choices } of await client.completions.create({ ...asked, stream: true }))
      joined += choices[0]?.text ?? ''
    expect(joined).toBe(choice!.text)
  })

  test('of several prompts, texts and tokens, each with its choices', async () => {
    const { tokens } = await countedPrompt(prompt)
    const { status, body } = await post(
      { prompt: [prompt, tokens], temperature: 0, max_tokens: 5, n: 2 },
      '/v1/completions',
    )
    expect(status).toBe(200)
    const texts = (body.choices as unknown as { text: string }[]).map(({ text }) => text)
    expect(texts).toHaveLength(4)
    expect(new Set(texts).size).toBe(1)
    expect(body.usage.completion_tokens).toBe(20)
    expect(body.usage.prompt_tokens).toBe(2 * tokens.length)
  })

  test.each([[''], [[]], [[[]]], [[-1]], [{}], [null]])('prompt %j is refused', async (wrong) => {
    expect((await post({ prompt: wrong }, '/v1/completions')).status).toBe(400)
  })
})

/** The tokens of a text, as a completion tells them. */
async function countedPrompt(prompt: string): Promise<{ tokens: number[] }> {
  const { body } = await post({ prompt, max_tokens: 1, return_token_ids: true }, '/v1/completions')
  return { tokens: (body as unknown as { prompt_token_ids: number[] }).prompt_token_ids }
}

describe('what is wrong is named', () => {
  const messages = [{ role: 'user', content: 'a' }]
  test.each<[unknown, number, string, string | null]>([
    ['{', 400, 'invalid_json', null],
    ['[]', 400, 'invalid_type', null],
    ['"a"', 400, 'invalid_type', null],
    [`{"messages": ${'['.repeat(70)}${']'.repeat(70)}}`, 400, 'too_deep', null],
    ['{"messages":[{"role":"user","content":"a"}],"temperature":1e999}', 400, 'invalid_json', null],
    [{}, 400, 'missing_field', 'messages'],
    [{ messages: 'a' }, 400, 'invalid_type', 'messages'],
    [{ messages: [] }, 400, 'invalid_value', 'messages'],
    [{ messages: [{ role: 'user' }] }, 400, 'missing_field', 'messages.0.content'],
    [{ messages: [{ role: 'wizard', content: 'a' }] }, 400, 'invalid_value', 'messages.0.role'],
    [
      { messages: [{ role: 'user', content: [{ type: 'image_url' }] }] },
      400,
      'unsupported_content',
      'messages.0.content.0',
    ],
    [
      { messages: [...messages, { role: 'assistant', content: 'b' }], continue_final_message: false },
      400,
      'invalid_value',
      'messages.1.role',
    ],
    [{ messages: [{ role: 'tool', content: 'a', tool_call_id: 'b' }] }, 400, 'tools_not_supported', 'messages.0'],
    [{ messages, tools: [{ type: 'function' }] }, 400, 'tools_not_supported', 'tools'],
    [{ messages, temperature: -1 }, 400, 'invalid_value', 'temperature'],
    [{ messages, temperature: 'hot' }, 400, 'invalid_type', 'temperature'],
    [{ messages, top_p: 1.5 }, 400, 'invalid_value', 'top_p'],
    [{ messages, max_tokens: 0 }, 400, 'invalid_value', 'max_tokens'],
    [{ messages, max_tokens: 1.5 }, 400, 'invalid_type', 'max_tokens'],
    [{ messages, n: 5 }, 400, 'invalid_value', 'n'],
    [{ messages, stop: [''] }, 400, 'invalid_value', 'stop.0'],
    [{ messages, logit_bias: { 5: 101 } }, 400, 'invalid_value', 'logit_bias.5'],
    [{ messages, logit_bias: { a: 1 } }, 400, 'invalid_value', 'logit_bias.a'],
    [{ messages, logit_bias: { 99999: 1 } }, 400, 'invalid_request', null],
    [{ messages, top_logprobs: 3 }, 400, 'invalid_value', 'top_logprobs'],
    [{ messages, logprobs: true, top_logprobs: 21 }, 400, 'invalid_value', 'top_logprobs'],
    [{ messages, logprobs: 3 }, 400, 'unsupported_parameter', 'logprobs'],
    [{ messages, logprobs: 'yes' }, 400, 'invalid_type', 'logprobs'],
    [{ messages, response_format: { type: 'json' } }, 400, 'invalid_value', 'response_format.type'],
    [{ messages, response_format: { type: 'json_schema' } }, 400, 'missing_field', 'response_format'],
    [{ messages, json_schema: { type: 'string', pattern: 'a' } }, 400, 'unsupported_schema', 'json_schema'],
    [
      { messages, json_schema: {}, response_format: { type: 'json_object' } },
      400,
      'conflicting_parameters',
      'json_schema',
    ],
    [
      { messages, stream: true, stream_options: { continuous_usage_stats: true } },
      400,
      'invalid_value',
      'stream_options.continuous_usage_stats',
    ],
    [{ messages, grammar: 'root ::= "a"' }, 400, 'unsupported_parameter', 'grammar'],
    [{ messages, dynts: { policy: './x.ts' } }, 400, 'unknown_policy', 'dynts.policy'],
    [{ messages, dynts: { policy: 'h2o' } }, 400, 'unknown_policy', 'dynts.policy'],
    [{ messages, dynts: { budgett: 5 } }, 400, 'invalid_value', 'dynts'],
    [{ messages, dynts: { budget: 100_000 } }, 400, 'cache_too_small', null],
    [{ messages, dynts: { ratio: 2 } }, 400, 'invalid_value', 'dynts.ratio'],
    [{ messages, dynts: { segments: 1 } }, 400, 'invalid_value', 'dynts.segments'],
    [{ messages, dynts: { value_reserve: 2 } }, 400, 'invalid_value', 'dynts.value_reserve'],
    [{ messages, dynts: { value_reserve: 1 } }, 400, 'invalid_value_reserve', null],
    [{ messages, dynts: { evict_every: 0 } }, 400, 'invalid_value', 'dynts.evict_every'],
    [{ messages, dynts: { ratio: 0.5, evict_every: 9 } }, 400, 'invalid_evict_every', null],
    [{ messages, enable_thinking: true, reasoning_effort: 'none' }, 400, 'conflicting_parameters', 'effort'],
    [{ messages, thinking_budget: 5, reasoning_budget: 6 }, 400, 'conflicting_parameters', 'reasoning_budget'],
    ...['messages', 'tools', 'documents', 'add_generation_prompt', 'bos_token', 'eos_token'].map(
      (name): [unknown, number, string, string] => [
        { messages, chat_template_kwargs: { [name]: 'x' } },
        400,
        'invalid_value',
        'chat_template_kwargs',
      ],
    ),
  ])('%j', async (body, status, code, param) => {
    const answer = await post(body)
    expect([answer.status, answer.body.error]).toMatchObject([status, { code, type: 'invalid_request_error' }])
    if (param !== null) expect(answer.body.error!.param).toBe(param)
    expect(answer.body.error!.message.length).toBeLessThan(800)
    expect(answer.body.error!.message).not.toMatch(/--budget|`|\/work|node_modules/)
  })

  test('fields that are not known are told, and those that change nothing are taken', async () => {
    const neutral = {
      user: 'a',
      top_k: -1,
      logprobs: false,
      tools: [],
      mirostat: 0,
      typical_p: 1,
      store: false,
      frequency_penalty: null,
    }
    const { status, headers } = await post({
      messages: ask(1),
      ...greedy,
      max_tokens: 3,
      foo: 1,
      __proto__: 2,
      'b\u0000r': 3,
      ...neutral,
    })
    expect(status).toBe(200)
    expect(headers.get('x-dynts-ignored')).toBe('foo,br')
  })

  test.each<[string, object]>([
    ['/v1/chat/completions/input_tokens', { messages: ask(1) }],
    ['/v1/chat/completions/control', { id: 'chatcmpl-none', action: 'cancel' }],
    ['/apply-template', { messages: ask(1) }],
    ['/tokenize', { content: 'a' }],
    ['/detokenize', { tokens: [5] }],
  ])('%s tells which fields it does not know, too', async (path, body) => {
    const { status, headers } = await post({ ...body, foo: 1, bar: null }, path)
    expect([status, headers.get('x-dynts-ignored')]).toEqual([200, 'foo'])
    expect((await post(body, path)).headers.get('x-dynts-ignored')).toBeNull()
  })

  test('a request after all of them is right', async () => {
    const { body } = await post({ messages: ask(2), ...greedy })
    expect(body.choices[0]!.message.content).toContain(`\\boxed{${problem(2).answer}}`)
  })
})

describe('the other endpoints', () => {
  const get = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(`${server.url}${path}`, init)
    const text = await response.text()
    return {
      status: response.status,
      headers: response.headers,
      text,
      json: () => JSON.parse(text) as Record<string, unknown>,
    }
  }

  test('health, props, slots, models and metrics', async () => {
    expect((await get('/health')).json()).toEqual({ status: 'ok' })
    expect((await get('/props')).json()).toMatchObject({
      total_slots: 4,
      model_alias: 'tiny',
      eos_token: '<|endoftext|>',
      // The embedded model's template leaves system messages out.
      chat_template_caps: { supports_tools: false, supports_thinking_switch: false, supports_system_role: false },
      dynts: { policy: 'dynts-diverse', budget: 200, kv_type: 'f16' },
    })
    expect(JSON.stringify((await get('/props')).json())).not.toContain(process.cwd())
    expect(JSON.parse((await get('/slots')).text)).toHaveLength(4)
    expect((await get('/v1/models')).json()).toMatchObject({
      data: [{ id: 'tiny', dynts: { max_prompt_tokens: 256 - 2 * 32 } }],
    })
    const { text, headers } = await get('/metrics')
    expect(headers.get('content-type')).toContain('text/plain')
    expect(text).toMatch(/dynts:generation_tokens_total\{model_name="tiny"\} [1-9]/)
    expect(text).toMatch(/dynts:evictions_total\{policy="dynts-diverse",model_name="tiny"\} [1-9]/)
  })

  test('texts to tokens and back, and a conversation as the model gets it', async () => {
    const content = 'Ava has <|user|> 5 é漢 coins.'
    const { body } = await post({ content }, '/tokenize')
    const { tokens } = body as unknown as { tokens: number[] }
    expect((await post({ tokens }, '/detokenize')).body).toEqual({ content, prompt: content })
    // As vLLM's clients ask.
    expect((await post({ prompt: content, add_special_tokens: false }, '/tokenize')).body).toEqual(body)
    expect((await get('/tokenizer_info')).json()).toMatchObject({ bos_token: null, eos_token: '<|endoftext|>' })
    const plain = (await post({ content, parse_special: false }, '/tokenize')).body as unknown as { tokens: number[] }
    expect(plain.tokens.length).toBeGreaterThan(tokens.length)
    const pieces = (await post({ content, with_pieces: true }, '/tokenize')).body as unknown as {
      tokens: { id: number; piece: string | number[] }[]
    }
    const bytes = pieces.tokens.flatMap(({ piece }) => (typeof piece === 'string' ? [...Buffer.from(piece)] : piece))
    expect(Buffer.from(bytes).toString()).toBe(content)
    // Characters that are several tokens of the embedded model.
    expect(pieces.tokens.some(({ piece }) => Array.isArray(piece))).toBe(true)
    expect(pieces.tokens.map(({ id }) => id)).toEqual(tokens)
    const { prompt } = (await post({ messages: [{ role: 'user', content: 'Hi' }] }, '/apply-template'))
      .body as unknown as { prompt: string }
    expect(prompt).toContain('<|user|>Hi')
    expect((await post({ tokens: [99_999] }, '/detokenize')).status).toBe(400)
    expect((await post({ content: 5 }, '/tokenize')).status).toBe(400)
  })

  test('a prompt is echoed with the odds of its tokens, as lm-evaluation-harness asks; in a stream alike', async () => {
    interface Echo {
      readonly choices: readonly {
        readonly index: number
        readonly text: string
        readonly logprobs: Readonly<Record<string, unknown[]>> | null
      }[]
      readonly usage: { readonly completion_tokens: number }
    }
    const { question } = problem(3)
    const { tokens } = (await post({ content: question }, '/tokenize')).body as unknown as { tokens: number[] }
    const asked = { model: 'tiny', temperature: 0, logprobs: 1, seed: 1234, echo: true }
    const echo = async (body: object) => (await post({ ...asked, ...body }, '/v1/completions')).body as unknown as Echo
    const { choices } = await echo({ prompt: [tokens, tokens.slice(0, 5)], max_tokens: 1 })
    const [whole, part] = choices.map(({ logprobs }) => logprobs!)
    const odds = whole!['token_logprobs'] as (number | null)[]
    expect(odds).toHaveLength(tokens.length + 1)
    expect([odds[0], whole!['top_logprobs']![0]]).toEqual([null, null])
    expect(part!['token_logprobs']!.slice(0, 5)).toEqual(
      [null, ...odds.slice(1, 5)].map((logprob) => logprob && (expect.closeTo(logprob, 1) as number)),
    )
    const offsets = whole!['text_offset'] as number[]
    const pieces = offsets.map((at, i) => choices[0]!.text.slice(at, offsets[i + 1]))
    expect(pieces).toEqual(whole!['tokens'])
    expect(choices[0]!.text.startsWith(question)).toBe(true)

    const alone = await echo({ prompt: question, max_tokens: 0 })
    expect([alone.choices[0]!.text, alone.usage.completion_tokens]).toEqual([question, 0])
    const sent = await fetch(`${server.url}/v1/completions`, {
      method: 'POST',
      body: JSON.stringify({ ...asked, prompt: question, max_tokens: 1, stream: true }),
    })
    const chunks = (await sent.text())
      .split('\n')
      .flatMap((line) => (line.startsWith('data: {') ? (JSON.parse(line.slice(6)) as Echo).choices : []))
    expect(chunks.map(({ text }) => text).join('')).toBe(choices[0]!.text)
    expect(chunks.flatMap(({ logprobs }) => logprobs?.['tokens'] ?? [])).toEqual(whole!['tokens'])
    expect((await post({ prompt: question, max_tokens: 0 }, '/v1/completions')).status).toBe(400)
  })

  test('tokens are counted without generating', async () => {
    const { body } = await post({ messages: ask(1) }, '/v1/chat/completions/input_tokens')
    const answer = await post({ messages: ask(1), max_tokens: 1 })
    expect(body).toEqual({ object: 'response.input_tokens', input_tokens: answer.body.usage.prompt_tokens })
  })

  test.each([
    ['/chat', 404, 'not_found'],
    ['/v1/embeddings', 501, 'not_supported'],
    ['/v1/chat/completions', 405, 'method_not_allowed'],
    ['/v1/models/other', 404, 'model_not_found'],
  ])('GET %s: %i', async (path, status, code) => {
    const answer = await get(path)
    expect([answer.status, answer.json()]).toMatchObject([status, { error: { code } }])
  })

  test('pages of other sites, and other names of this machine, are turned away', async () => {
    const foreign = {
      headers: { origin: 'https://evil.example', 'content-type': 'text/plain' },
      method: 'POST',
      body: '{}',
    }
    expect((await get('/v1/chat/completions', foreign)).json()).toMatchObject({ error: { code: 'origin_not_allowed' } })
    const { headers } = await get('/v1/models', { headers: { origin: 'https://evil.example' } })
    expect(headers.get('access-control-allow-origin')).toBeNull()
    const rebound = await get('/health', { headers: { host: 'evil.example' } })
    // The client of Node sets the header itself where it may not be changed.
    expect([200, 403]).toContain(rebound.status)
  })
})
