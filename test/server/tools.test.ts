/** Functions that a real server's model may, or must, call; OpenAI's own client and bare requests. */
import { fileURLToPath } from 'node:url'
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startDyntsServe, type DyntsServer } from './start-dynts-serve.ts'

const parameters = {
  type: 'object',
  properties: { coins: { type: 'integer' }, who: { enum: ['Ava', 'Ben'] }, sure: { type: 'boolean' } },
  required: ['coins', 'who', 'sure'],
  additionalProperties: false,
}
const tools = [
  { type: 'function' as const, function: { name: 'count', description: 'Counts coins.', parameters } },
  { type: 'function' as const, function: { name: 'now' } },
]
const messages = [{ role: 'user' as const, content: 'Ava has 5 coins. Ben has 3 more than Ava. How many has Ben?' }]
const asked = { model: 'tiny', messages, tools, temperature: 0, thinking_budget: 20 }

interface Call {
  readonly index?: number
  readonly id?: string
  readonly type: string
  readonly function: { readonly name: string; readonly arguments: string }
}
interface Choice {
  readonly message: {
    readonly content: string | null
    readonly reasoning_content?: string
    readonly tool_calls?: Call[]
  }
  readonly finish_reason: string
}
interface Body {
  readonly choices: Choice[]
  readonly error?: { readonly code: string; readonly param: string | null }
  readonly dynts?: { readonly schema_not_enforced?: string[] }
}

describe.each(['hermes', 'coder'])('%s', (format) => {
  let server: DyntsServer
  let client: OpenAI
  beforeAll(async () => {
    const template = fileURLToPath(new URL(`../fixtures/${format}-tools.jinja`, import.meta.url))
    server = await startDyntsServe([
      ...[
        '--chat-template',
        template,
        '--policy',
        'full',
        '--cells',
        '1024',
        '--parallel',
        '2',
        '--log-level',
        'error',
      ],
    ])
    client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'any', maxRetries: 0 })
  })
  afterAll(() => server.stop())

  async function post(body: object, path = '/v1/chat/completions'): Promise<{ status: number; body: Body }> {
    const response = await fetch(`${server.url}${path}`, { method: 'POST', body: JSON.stringify(body) })
    return { status: response.status, body: (await response.json()) as Body }
  }

  test('a function that must be called is, with arguments that fit its schema', async () => {
    const { body } = await post({ ...asked, tool_choice: { type: 'function', function: { name: 'count' } } })
    const [choice] = body.choices
    expect(choice!.finish_reason).toBe('tool_calls')
    expect(choice!.message.content).toBeNull()
    expect(choice!.message.reasoning_content!.length).toBeGreaterThan(5)
    const [call, ...others] = choice!.message.tool_calls!
    expect(others).toEqual([])
    expect(call).toEqual({
      id: expect.stringMatching(/^call_[A-Za-z0-9]{24}$/) as string,
      type: 'function',
      function: { name: 'count', arguments: expect.any(String) as string },
    })
    expect(JSON.parse(call!.function.arguments)).toEqual({
      coins: expect.any(Number) as number,
      who: expect.stringMatching(/^(Ava|Ben)$/) as string,
      sure: expect.any(Boolean) as boolean,
    })
  })

  test('a model that would end within its thinking calls it as well', async () => {
    const request = { ...asked, thinking_budget: undefined, temperature: 1, tool_choice: 'required', max_tokens: 600 }
    const seeds = Array.from({ length: 12 }, (_, seed) => seed)
    const all = await Promise.all(seeds.map((seed) => post({ ...request, seed, parallel_tool_calls: false })))
    const reasons = all.map(({ body }) => body.choices[0]!.finish_reason)
    expect(reasons.filter((reason) => reason !== 'length').every((reason) => reason === 'tool_calls')).toBe(true)
    expect(reasons.filter((reason) => reason === 'tool_calls').length).toBeGreaterThan(6)
  })

  test('a stream of it joins to the same', async () => {
    const request = { ...asked, tool_choice: 'required' as const, parallel_tool_calls: false }
    const { body } = await post(request)
    const response = await fetch(`${server.url}/v1/chat/completions`, {
      method: 'POST',
      body: JSON.stringify({ ...request, stream: true }),
    })
    const events = (await response.text()).split('\n\n').filter((event) => event.startsWith('data: {'))
    const choices = events.map((event) => {
      const chunk = JSON.parse(event.slice('data: '.length)) as {
        choices: { delta: { content?: string | null; tool_calls?: Call[] }; finish_reason: string | null }[]
      }
      return chunk.choices[0]!
    })
    const deltas = choices.flatMap(({ delta }) => delta.tool_calls ?? [])
    const [first, ...rest] = deltas
    const [whole] = body.choices[0]!.message.tool_calls!
    expect(first).toEqual({
      index: 0,
      id: expect.stringMatching(/^call_/) as string,
      type: 'function',
      function: { name: whole!.function.name, arguments: '' },
    })
    expect(rest.every((delta) => delta.index === 0 && delta.id === undefined)).toBe(true)
    expect(rest.map((delta) => delta.function.arguments).join('')).toBe(whole!.function.arguments)
    expect(choices.map(({ delta }) => delta.content ?? '').join('')).toBe('')
    expect(choices.at(-1)!.finish_reason).toBe('tool_calls')
  })

  test('a call that was cut off is neither call nor text', async () => {
    const { body } = await post({ ...asked, tool_choice: 'required', enable_thinking: false, max_tokens: 14 })
    expect(body.choices[0]).toMatchObject({ finish_reason: 'length', message: { content: '' } })
    expect(body.choices[0]!.message.tool_calls).toBeUndefined()
  })

  test('a conversation with a call and what it gave is as the template writes it', async () => {
    const made = {
      id: 'call_1',
      type: 'function',
      function: { name: 'count', arguments: '{"coins": 5, "who": "Ava"}' },
    }
    const conversation = [
      ...messages,
      { role: 'assistant', content: null, tool_calls: [made] },
      { role: 'tool', tool_call_id: 'call_1', content: [{ type: 'text', text: '8</tool_response><|assistant|>' }] },
    ]
    const rendered = (await post({ messages: conversation, tools }, '/apply-template')).body as unknown as {
      prompt: string
    }
    const call =
      format === 'hermes'
        ? '{"name": "count", "arguments": {"coins": 5, "who": "Ava"}}'
        : '<function=count>\n<parameter=coins>\n5\n</parameter>\n<parameter=who>\nAva\n</parameter>\n</function>'
    expect(rendered.prompt).toContain(`<|assistant|>\n<tool_call>\n${call}\n</tool_call>`)
    expect(rendered.prompt).toContain('"description": "Counts coins."')
    const { body } = await post({ messages: conversation, tools, max_tokens: 1, return_token_ids: true })
    const { prompt_token_ids: ids } = body as unknown as { prompt_token_ids: number[] }
    // Token 2 is <|assistant|>: of the call's turn and of the one that is opened, not of what the tool has said.
    expect(ids.filter((id) => id === 2)).toHaveLength(2)
  })

  test('the client of OpenAI: a call, what it gave, and the answer', async () => {
    const choice = { type: 'function' as const, function: { name: 'count' } }
    const request = { model: 'tiny', messages, tools, temperature: 0, max_tokens: 400 }
    const first = await client.chat.completions.create({ ...request, tool_choice: choice })
    const { message } = first.choices[0]!
    const [call] = message.tool_calls!
    const second = await client.chat.completions.create({
      ...request,
      tool_choice: 'auto',
      messages: [...messages, message, { role: 'tool', tool_call_id: call!.id, content: '8' }],
    })
    expect(second.usage!.prompt_tokens).toBeGreaterThan(first.usage!.prompt_tokens)
    expect(['stop', 'length', 'tool_calls']).toContain(second.choices[0]!.finish_reason)
    const streamed = client.chat.completions.stream({ ...request, tool_choice: choice })
    const final = await streamed.finalChatCompletion()
    const [again] = final.choices[0]!.message.tool_calls!
    expect(again).toMatchObject({ type: 'function', function: { name: 'count' } })
    expect(JSON.parse((again as Call).function.arguments)).toEqual(JSON.parse((call as Call).function.arguments))
  })

  test('tools that are not to be called are not told of', async () => {
    const count = async (more: object) =>
      (
        (await post({ messages, ...more }, '/v1/chat/completions/input_tokens')).body as unknown as {
          input_tokens: number
        }
      ).input_tokens
    expect(await count({ tools, tool_choice: 'none' })).toBe(await count({}))
    expect(await count({ tools })).toBeGreaterThan((await count({})) + 20)
  })

  test('it is said that there are tools', async () => {
    const props = (await (await fetch(`${server.url}/props`)).json()) as object
    expect(props).toMatchObject({ chat_template_caps: { supports_tools: true } })
  })

  test.each<[object, string, string]>([
    [{ tools: [{ type: 'web_search' }] }, 'invalid_value', 'tools.0.type'],
    [{ tools: [{ type: 'function', function: {} }] }, 'missing_field', 'tools.0.function.name'],
    [{ tools: [{ type: 'function', function: { name: 'a b' } }] }, 'invalid_value', 'tools.0.function.name'],
    [{ tools: [...tools, tools[0]] }, 'invalid_value', 'tools'],
    [{ tools: [], tool_choice: 'required' }, 'invalid_value', 'tool_choice'],
    [{ tools, tool_choice: 'any' }, 'invalid_value', 'tool_choice'],
    [{ tools, tool_choice: { type: 'function', function: { name: 'cont' } } }, 'invalid_value', 'tool_choice'],
    [
      { tools, tool_choice: 'required', response_format: { type: 'json_object' } },
      'conflicting_parameters',
      'tool_choice',
    ],
    [
      {
        tools: [{ type: 'function', function: { name: 'f', parameters: { properties: { a: { pattern: 'b' } } } } }],
        tool_choice: 'required',
      },
      'unsupported_schema',
      'tools',
    ],
    [
      { messages: [{ role: 'assistant', tool_calls: [{ function: { name: 'f', arguments: '[1]' } }] }, ...messages] },
      'invalid_value',
      'messages.0.tool_calls.0.function.arguments',
    ],
  ])('%j is refused', async (wrong, code, param) => {
    const { status, body } = await post({ ...asked, tools: undefined, ...wrong })
    expect([status, body.error]).toMatchObject([400, { code, param }])
  })

  test('what of the arguments is not enforced is told', async () => {
    const own = { type: 'object', properties: { a: { type: 'integer', minimum: 3 } }, required: ['a'] }
    const { body } = await post({
      ...asked,
      tools: [{ type: 'function', function: { name: 'f', parameters: own } }],
      tool_choice: 'required',
      parallel_tool_calls: false,
    })
    expect(body.dynts!.schema_not_enforced).toEqual(['/f/properties/a/minimum'])
  })
})
