/** Responses of a real server with the embedded model, asked by OpenAI's own client and by bare requests. */
import { fileURLToPath } from 'node:url'
import OpenAI from 'openai'
import type { ResponseInputItem, ResponseStreamEvent } from 'openai/resources/responses/responses'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { generateChainProblem } from '../../src/evaluation/chain-problem.ts'
import { scratch } from '../cli/run-dynts.ts'
import { gatedPolicy } from '../support/gated-policy.ts'
import { startDyntsServe, until, type DyntsServer } from './start-dynts-serve.ts'

let server: DyntsServer
let client: OpenAI
beforeAll(async () => {
  server = await startDyntsServe(['--budget', '200', '--log-level', 'error'])
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'any', maxRetries: 0 })
})
afterAll(() => server.stop())

const { question, answer } = generateChainProblem(2, { people: 4 })
const asked = { model: 'tiny', input: question, temperature: 0 }

async function post(body: object, path = '/v1/responses', at = server) {
  const response = await fetch(`${at.url}${path}`, { method: 'POST', body: JSON.stringify(body) })
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Record<string, unknown>,
  }
}
/** The same as a chat. */
async function chat(body: object) {
  const { choices, usage } = (await post(body, '/v1/chat/completions')).body as {
    choices: { message: { content: string; reasoning_content?: string } }[]
    usage: { prompt_tokens: number; completion_tokens: number }
  }
  return { ...choices[0]!.message, usage }
}

/** Ids are drawn at random. */
function withoutIds(output: readonly object[]): object[] {
  return output.map((item) => ({ ...item, id: undefined, call_id: undefined }))
}

describe('the client of OpenAI', () => {
  test('gets the thinking, the answer and the counts that a chat has', async () => {
    const response = await client.responses.create(asked)
    const same = await chat({ messages: [{ role: 'user', content: question }], temperature: 0 })
    expect(response.output_text).toContain(`\\boxed{${answer}}`)
    expect(response.output_text).toBe(same.content)
    expect(response.output).toMatchObject([
      { type: 'reasoning', summary: [], content: [{ type: 'reasoning_text', text: same.reasoning_content }] },
      { type: 'message', role: 'assistant', status: 'completed', content: [{ type: 'output_text', annotations: [] }] },
    ])
    expect(response).toMatchObject({ object: 'response', status: 'completed', error: null, incomplete_details: null })
    expect(response.id).toMatch(/^resp_[A-Za-z0-9]{24}$/)
    const { input_tokens, output_tokens, total_tokens, output_tokens_details } = response.usage!
    expect([input_tokens, output_tokens]).toEqual([same.usage.prompt_tokens, same.usage.completion_tokens])
    expect(total_tokens).toBe(input_tokens + output_tokens)
    expect(output_tokens_details.reasoning_tokens).toBeGreaterThan(20)
  })

  test('streams the same, event by event', async () => {
    const whole = await client.responses.create(asked)
    const events: ResponseStreamEvent[] = []
    for await (const event of await client.responses.create({ ...asked, stream: true })) events.push(event)
    expect(events.map(({ sequence_number }) => sequence_number)).toEqual(events.map((_, i) => i))
    const types = events.map(({ type }) => type)
    expect(types.filter((type, i) => type !== types[i - 1])).toEqual([
      ...['response.created', 'response.in_progress'],
      ...['response.output_item.added', 'response.content_part.added', 'response.reasoning_text.delta'],
      ...['response.reasoning_text.done', 'response.content_part.done', 'response.output_item.done'],
      ...['response.output_item.added', 'response.content_part.added', 'response.output_text.delta'],
      ...['response.output_text.done', 'response.content_part.done', 'response.output_item.done'],
      'response.completed',
    ])
    const joined = (type: string) =>
      events.map((event) => (event.type === type ? (event as { delta: string }).delta : '')).join('')
    expect(joined('response.output_text.delta')).toBe(whole.output_text)
    const last = events.at(-1)! as { response: OpenAI.Responses.Response }
    expect(withoutIds(last.response.output)).toEqual(withoutIds(whole.output))
    expect(joined('response.reasoning_text.delta')).toBe(
      (whole.output[0] as { content: { text: string }[] }).content[0]!.text,
    )
  })

  test('puts the events together to the same response', async () => {
    const final = await client.responses.stream(asked).finalResponse()
    expect(withoutIds(final.output)).toMatchObject(withoutIds((await client.responses.create(asked)).output))
  })

  test('goes on with what was said', async () => {
    const first = await client.responses.create(asked)
    const input: ResponseInputItem[] = [
      { role: 'user', content: question },
      ...(first.output as ResponseInputItem[]),
      { role: 'user', content: [{ type: 'input_text', text: question }] },
    ]
    const { usage } = await client.responses.create({ ...asked, input, max_output_tokens: 5 })
    const messages = [
      { role: 'user', content: question },
      { role: 'assistant', content: first.output_text },
      { role: 'user', content: question },
    ]
    expect(usage!.input_tokens).toBe((await chat({ messages, max_tokens: 1 })).usage.prompt_tokens)
  })

  test('an answer that fits a schema, with log-probabilities', async () => {
    const schema = {
      type: 'object',
      properties: { answer: { type: 'integer' } },
      required: ['answer'],
      additionalProperties: false,
    }
    const response = await client.responses.parse({
      ...asked,
      text: { format: { type: 'json_schema', name: 'a', strict: true, schema } },
      ...{ top_logprobs: 2, include: ['message.output_text.logprobs'] as const },
    })
    expect(response.output_parsed).toEqual({ answer: expect.any(Number) as number })
    const [part] = (
      response.output.at(-1) as { content: { text: string; logprobs: { token: string; top_logprobs: object[] }[] }[] }
    ).content
    expect(
      part!.logprobs
        .map(({ token }) => token)
        .join('')
        .trim(),
    ).toBe(part!.text)
    expect(part!.logprobs.every(({ top_logprobs: top }) => top.length === 2)).toBe(true)
  })
})

test('a stream whose engine ends is a failed response', async () => {
  const gate = gatedPolicy(scratch, 'engine-ends')
  const bounded = ['--budget', '200', '--local-window', '32', '--policy', gate.policy]
  const own = await startDyntsServe([...bounded, '--log-level', 'error'])
  const api = new OpenAI({ baseURL: `${own.url}/v1`, apiKey: 'any', maxRetries: 0 })
  const input = generateChainProblem(3, { people: 9 }).question
  const events: ResponseStreamEvent[] = []
  const ended = (async () => {
    for await (const event of await api.responses.create({ ...asked, input, stream: true })) events.push(event)
  })()
  await until(() => gate.isReached() && events.length > 10)
  process.kill(own.enginePid()!, 'SIGKILL')
  await ended
  expect(events.at(-1)).toMatchObject({
    type: 'response.failed',
    sequence_number: events.length - 1,
    response: {
      status: 'failed',
      error: { code: 'engine_died' },
      output: [{ type: 'reasoning', status: 'incomplete' }],
    },
  })
  await own.stop()
})

test('instructions are a system message, and settings are those of a chat', async () => {
  const { body } = await post({ ...asked, instructions: 'Be brief.', reasoning: { effort: 'none' }, foo: 1, n: 2 })
  const same = await chat({
    messages: [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: question },
    ],
    ...{ temperature: 0, enable_thinking: false },
  })
  expect(body['output']).toMatchObject([{ type: 'message', content: [{ text: same.content }] }])
  expect(body).toMatchObject({ instructions: 'Be brief.', reasoning: { effort: 'none' }, temperature: 0 })
  expect((await post({ ...asked, max_output_tokens: 1, foo: 1, n: 2 })).headers.get('x-dynts-ignored')).toBe('foo,n')
})

test('an answer that was cut off is incomplete, whole and as a stream', async () => {
  const { body } = await post({ ...asked, max_output_tokens: 12 })
  expect(body).toMatchObject({
    status: 'incomplete',
    incomplete_details: { reason: 'max_output_tokens' },
    output: [{ type: 'reasoning', status: 'incomplete' }],
  })
  const response = await fetch(`${server.url}/v1/responses`, {
    method: 'POST',
    body: JSON.stringify({ ...asked, max_output_tokens: 12, stream: true }),
  })
  const text = await response.text()
  expect(text).not.toContain('[DONE]')
  const [, name, data] = /event: (\S+)\ndata: (.*)\n\n$/.exec(text)!
  expect(name).toBe('response.incomplete')
  expect(JSON.parse(data!)).toMatchObject({
    type: name,
    response: { status: 'incomplete', output: [{ type: 'reasoning' }] },
  })
})

test.each<[object, string, string]>([
  [{ input: undefined }, 'missing_field', 'input'],
  [{ input: [] }, 'invalid_value', 'input'],
  [{ input: [{ role: 'user' }] }, 'missing_field', 'input.0.content'],
  [{ input: [{ content: 'a' }] }, 'missing_field', 'input.0.role'],
  [{ input: [{ role: 'user', content: [{ type: 'input_image' }] }] }, 'unsupported_content', 'input.0.content.0'],
  [{ input: [{ type: 'item_reference', id: 'a' }] }, 'unsupported_content', 'input.0.type'],
  [{ input: [{ role: 'assistant', content: 'a' }] }, 'invalid_value', 'input'],
  [{ input: [{ type: 'function_call_output', call_id: 'a', output: 'b' }] }, 'tools_not_supported', 'input'],
  [{ previous_response_id: 'resp_1' }, 'unsupported_parameter', 'previous_response_id'],
  [{ conversation: 'c' }, 'unsupported_parameter', 'conversation'],
  [{ background: true }, 'unsupported_parameter', 'background'],
  [{ store: true }, 'unsupported_parameter', 'store'],
  [{ truncation: 'auto' }, 'invalid_value', 'truncation'],
  [{ max_output_tokens: 0 }, 'invalid_value', 'max_output_tokens'],
  [{ tools: [{ type: 'web_search' }] }, 'invalid_value', 'tools.0.type'],
  [{ tools: [{ type: 'function', name: 'f', parameters: {} }] }, 'tools_not_supported', 'tools'],
  [{ text: { format: { type: 'json_schema' } } }, 'missing_field', 'text.format'],
  [{ text: { format: { type: 'json_schema', schema: { pattern: 'a' } } } }, 'unsupported_schema', 'text.format'],
  [{ temperature: -1 }, 'invalid_value', 'temperature'],
  [{ dynts: { events: true }, stream: true }, 'unsupported_parameter', 'dynts.events'],
])('%j is refused', async (wrong, code, param) => {
  const { status, body } = await post({ ...asked, ...wrong })
  expect([status, body['error']]).toMatchObject([400, { code, param }])
})

test('what changes nothing is taken', async () => {
  const neutral = {
    ...{ store: false, background: false, previous_response_id: null, truncation: 'disabled', user: 'a' },
    ...{ include: ['reasoning.encrypted_content'], metadata: { a: 'b' }, tool_choice: 'auto', tools: [] },
  }
  const { status, headers, body } = await post({ ...asked, ...neutral, max_output_tokens: 1 })
  expect([status, headers.get('x-dynts-ignored'), body['metadata']]).toEqual([200, null, { a: 'b' }])
})

describe('functions', () => {
  let caller: DyntsServer
  let api: OpenAI
  beforeAll(async () => {
    const template = fileURLToPath(new URL('../fixtures/hermes-tools.jinja', import.meta.url))
    const cells = ['--policy', 'full', '--cells', '1024']
    caller = await startDyntsServe([...cells, '--chat-template', template, '--log-level', 'error'])
    api = new OpenAI({ baseURL: `${caller.url}/v1`, apiKey: 'any', maxRetries: 0 })
  })
  afterAll(() => caller.stop())

  const parameters = {
    type: 'object',
    properties: { coins: { type: 'integer' }, who: { enum: ['Ava', 'Ben'] } },
    required: ['coins', 'who'],
    additionalProperties: false,
  }
  const tools = [{ type: 'function' as const, name: 'count', description: 'Counts.', parameters, strict: true }]
  const request = { ...asked, tools, tool_choice: { type: 'function' as const, name: 'count' }, max_output_tokens: 300 }

  test('are called, whole and in a stream, and the conversation goes on', async () => {
    const response = await api.responses.create(request)
    const call = response.output.find(
      ({ type }) => type === 'function_call',
    ) as OpenAI.Responses.ResponseFunctionToolCall
    expect(call).toMatchObject({ name: 'count', status: 'completed' })
    expect(call.call_id).toMatch(/^call_/)
    expect(JSON.parse(call.arguments)).toEqual({
      coins: expect.any(Number) as number,
      who: expect.stringMatching(/^(Ava|Ben)$/) as string,
    })
    expect(response.tool_choice).toEqual(request.tool_choice)
    const final = await api.responses.stream(request).finalResponse()
    expect(withoutIds(final.output)).toMatchObject(withoutIds(response.output))
    const input: ResponseInputItem[] = [
      { role: 'user', content: question },
      ...(response.output as ResponseInputItem[]),
      { type: 'function_call_output', call_id: call.call_id, output: '8' },
    ]
    const counted = await api.responses.create({ ...asked, tools, input, max_output_tokens: 1 })
    const messages = [
      { role: 'user', content: question },
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: call.call_id, type: 'function', function: { name: 'count', arguments: call.arguments } }],
      },
      { role: 'tool', tool_call_id: call.call_id, content: '8' },
    ]
    const { type, ...own } = tools[0]!
    const same = await post({ messages, tools: [{ type, function: own }] }, '/v1/chat/completions/input_tokens', caller)
    expect(counted.usage!.input_tokens).toBe(same.body['input_tokens'])
  })
})
