/** Clients that people use, as they come: the AI SDK and LangChain; and a scanner of servers, compatcanary. */
import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { ChatOpenAI } from '@langchain/openai'
import { tool as langChainTool } from '@langchain/core/tools'
import { generateText, Output, stepCountIs, streamText, tool } from 'ai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { generateChainProblem } from '../../src/evaluation/chain-problem.ts'
import { startDyntsServe, type DyntsServer } from './start-dynts-serve.ts'

const require = createRequire(import.meta.url)
let server: DyntsServer
beforeAll(async () => {
  server = await startDyntsServe(['--budget', '200', '--log-level', 'error'])
})
afterAll(() => server.stop())

const { question, answer } = generateChainProblem(2, { people: 4 })

describe('the AI SDK', () => {
  const model = () =>
    createOpenAICompatible({
      name: 'dynts',
      baseURL: `${server.url}/v1`,
      supportsStructuredOutputs: true,
      includeUsage: true,
    })('tiny')

  test('streams thinking, then answer, and counts the tokens of both', async () => {
    const result = streamText({ model: model(), prompt: question, temperature: 0 })
    const kinds: string[] = []
    for await (const part of result.fullStream)
      if (part.type.endsWith('-delta') && kinds.at(-1) !== part.type) kinds.push(part.type)
    expect(kinds).toEqual(['reasoning-delta', 'text-delta'])
    expect(await result.text).toContain(`\\boxed{${answer}}`)
    expect((await result.reasoningText)!.length).toBeGreaterThan(50)
    const usage = await result.usage
    expect(usage.outputTokenDetails.reasoningTokens).toBeGreaterThan(20)
    expect(usage.outputTokens).toBeGreaterThan(usage.outputTokenDetails.reasoningTokens!)
  })

  test('a second turn with the thinking of the first', async () => {
    const first = await generateText({ model: model(), prompt: question, temperature: 0 })
    const second = await generateText({
      model: model(),
      messages: [{ role: 'user', content: question }, ...first.response.messages, { role: 'user', content: question }],
      ...{ temperature: 0, maxOutputTokens: 10 },
    })
    expect(second.usage.inputTokenDetails.cacheReadTokens).toBeGreaterThan(10)
  })

  test('an object by a schema', async () => {
    const schema = z.object({ answer: z.int(), sure: z.boolean() })
    const { output: object } = await generateText({
      model: model(),
      output: Output.object({ schema }),
      prompt: question,
      temperature: 0,
    })
    expect(object).toEqual({ answer: expect.any(Number) as number, sure: expect.any(Boolean) as boolean })
  })
})

describe('functions that must be called', () => {
  let caller: DyntsServer
  beforeAll(async () => {
    const template = fileURLToPath(new URL('../fixtures/hermes-tools.jinja', import.meta.url))
    const cells = ['--policy', 'full', '--cells', '1024']
    // What asks for nothing of the kind gets the same answers each time.
    const greedy = ['--temperature', '0', '--thinking-budget', '64']
    caller = await startDyntsServe([...cells, ...greedy, '--chat-template', template, '--log-level', 'error'])
  })
  afterAll(() => caller.stop())
  const inputSchema = z.object({ coins: z.int(), who: z.enum(['Ava', 'Ben']) })
  const fitting = { coins: expect.any(Number) as number, who: expect.stringMatching(/^(Ava|Ben)$/) as string }

  test('the AI SDK calls them, whole and in pieces, and goes on with what they gave', async () => {
    const provider = createOpenAICompatible({ name: 'dynts', baseURL: `${caller.url}/v1`, includeUsage: true })
    const given: unknown[] = []
    const count = tool({
      description: 'Counts coins.',
      inputSchema,
      execute: (input) => {
        given.push(input)
        return { all: 8 }
      },
    })
    const asked = { model: provider('tiny'), tools: { count }, toolChoice: 'required', temperature: 0 } as const
    const limits = {
      maxOutputTokens: 300,
      providerOptions: { dynts: { parallel_tool_calls: false, thinking_budget: 20 } },
    }
    const result = await generateText({ ...asked, ...limits, prompt: question, stopWhen: stepCountIs(2) })
    expect(given).toEqual([fitting, fitting])
    expect(result.steps).toHaveLength(2)
    expect(result.steps[1]!.usage.inputTokens!).toBeGreaterThan(result.steps[0]!.usage.inputTokens! + 20)
    const [first] = result.steps
    expect(first!.finishReason).toBe('tool-calls')
    expect(first!.toolResults).toMatchObject([{ toolName: 'count', input: given[0], output: { all: 8 } }])
    const streamed = streamText({ ...asked, ...limits, prompt: question })
    const kinds: string[] = []
    for await (const part of streamed.fullStream) if (kinds.at(-1) !== part.type) kinds.push(part.type)
    expect(kinds).toContain('tool-input-delta')
    expect((await streamed.toolCalls).map(({ input }) => input)).toEqual([given[0]])
  })

  test('LangChain binds them, and gets objects by a call', async () => {
    const model = new ChatOpenAI({
      model: 'tiny',
      apiKey: 'any',
      temperature: 0,
      configuration: { baseURL: `${caller.url}/v1` },
    })
    const count = { name: 'count', description: 'Counts coins.', schema: inputSchema }
    const message = await model.bindTools([langChainTool(() => '', count)], { tool_choice: 'count' }).invoke(question)
    expect(message.tool_calls).toMatchObject([{ name: 'count', args: fitting }])
    const structured = model.withStructuredOutput(inputSchema, { method: 'functionCalling' })
    expect(await structured.invoke(question)).toEqual(fitting)
  })

  test('compatcanary finds all that it looks for, but the end of a text that the embedded model does not end', async () => {
    const scanner = join(dirname(require.resolve('compatcanary')), 'cli.js')
    const target = ['--base-url', `${caller.url}/v1`, '--model', 'tiny', '--profile', 'modern']
    const args = [scanner, 'scan', ...target, '--format', 'json', '--fail-on', 'never']
    const { stdout } = await promisify(execFile)(process.execPath, args)
    const { results } = JSON.parse(stdout) as { results: { id: string; status: string; summary: string }[] }
    expect(results.map(({ id, status, summary }) => (status === 'pass' ? id : `${id}: ${summary}`))).toEqual([
      ...['models.list', 'chat.basic', 'chat.streaming'],
      // The argument is any text, which that model goes on with up to the last cell.
      'chat.tool_call: Expected a function tool call',
      ...['chat.structured_output', 'responses.basic', 'responses.streaming'],
    ])
  })
})

describe('LangChain', () => {
  const model = () =>
    new ChatOpenAI({ model: 'tiny', apiKey: 'any', temperature: 0, configuration: { baseURL: `${server.url}/v1` } })

  test('gets the answer alone, whole and in pieces, and the counts', async () => {
    const message = await model().invoke(question)
    expect(message.text).toContain(`\\boxed{${answer}}`)
    expect(message.text).not.toContain('</think>')
    const { usage_metadata: usage } = message as unknown as {
      usage_metadata: { output_token_details: { reasoning: number } }
    }
    expect(usage.output_token_details.reasoning).toBeGreaterThan(20)
    let text = ''
    for await (const chunk of await model().stream(question)) text += chunk.text
    expect(text).toBe(message.text)
  })

  test('an object by a schema', async () => {
    const structured = model().withStructuredOutput(z.object({ answer: z.int() }), { method: 'jsonSchema' })
    expect(await structured.invoke(question)).toEqual({ answer: expect.any(Number) as number })
  })
})
