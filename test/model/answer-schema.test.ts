/** Answers that fit a JSON schema, of the package as its users import it. */
import { Ajv2020 } from 'ajv/dist/2020.js'
import { Engine, loadModel, type JsonSchema } from 'dynts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { generateChainProblem } from '../../src/evaluation/chain-problem.ts'

const ajv = new Ajv2020({ strict: false })

describe('the engine', () => {
  const { question } = generateChainProblem(2, { people: 4 })
  const answerSchema = { type: 'object', properties: { answer: { type: 'integer' } }, required: ['answer'] }
  let model: Awaited<ReturnType<typeof loadModel>>
  let engine: Engine
  beforeAll(async () => {
    model = await loadModel('tiny', { threads: 1, gpu: 'off' })
    engine = await Engine.create(model, { cells: 512, sequences: 2 })
  })
  afterAll(() => model.close())

  test('thinks as it likes, and answers as the schema says', async () => {
    const request = {
      prompt: { messages: [{ role: 'user', content: question }] },
      sampling: { temperature: 0 },
      budget: 200,
      maxTokens: 600,
    } as const
    const [free, held] = await Promise.all([engine.complete(request), engine.complete({ ...request, answerSchema })])
    expect(held.thinking).toBe(free.thinking)
    expect(ajv.compile(answerSchema)(JSON.parse(held.answer))).toBe(true)
    expect(held.finishReason).toBe('stop')
  })

  test('without thinking, too', async () => {
    const prompt = { messages: [{ role: 'user', content: question }], enableThinking: false } as const
    for (let seed = 0; seed < 5; seed++) {
      const result = await engine.complete({
        prompt,
        answerSchema,
        seed,
        sampling: { temperature: 1.5, topK: 0 },
        maxTokens: 200,
      })
      expect(result.thinking).toBe('')
      if (result.finishReason === 'stop') expect(ajv.compile(answerSchema)(JSON.parse(result.answer))).toBe(true)
    }
  })

  test.each<[JsonSchema, RegExp]>([
    [{ type: 'string', pattern: 'a' }, /"\/pattern"/],
    [{ allOf: [] }, /"\/allOf"/],
    [{ $ref: '#/$defs/x' }, /"\/\$ref"/],
    [{ $ref: '#/$defs/x', $defs: { x: { $ref: '#/$defs/x' } } }, /leads back to itself/],
    [{ $ref: '#/$defs/x', $defs: { x: { anyOf: [{ type: 'null' }, { $ref: '#/$defs/x' }] } } }, /leads back to itself/],
    [{ type: 'array', minItems: 5000 }, /from 0 to 1000/],
    [{ type: 'sting' }, /"\/type"/],
    [{ type: 'object', properties: { a: { type: 'number', not: {} } } }, /"\/properties\/a\/not"/],
    [false, /must be an object or true/],
  ])('%j is refused', async (wrong, message) => {
    await expect(engine.complete({ prompt: { text: 'a' }, answerSchema: wrong })).rejects.toMatchObject({
      code: 'unsupported_schema',
      message: expect.stringMatching(message) as string,
    })
  })
})
