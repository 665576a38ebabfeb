/** Clients that people use, as they come: the AI SDK and LangChain. */
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { ChatOpenAI } from '@langchain/openai'
import { generateText, Output, streamText } from 'ai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { generateChainProblem } from '../../src/evaluation/chain-problem.ts'
import { startDyntsServe, type DyntsServer } from './start-dynts-serve.ts'

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
