/**
 * Where the parts of a trace lie, on the embedded model's vocabulary, compared with the oracle.
 */
import { Engine, loadModel, type Model } from 'dynts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { importanceOracle } from '../oracle.ts'

const { traces } = importanceOracle()
let model: Model

beforeAll(async () => {
  model = await loadModel('tiny', { vocabularyOnly: true, gpu: 'off' })
})
afterAll(() => model.close())

describe('a model without its weights', () => {
  test('lays out every trace of the oracle alike, from text and from tokens', async () => {
    expect(traces).toHaveLength(100)
    for (const { prompt, completion, tokens, promptTokens, thinkEnd } of traces) {
      const expected = { promptTokens, thinkStart: promptTokens, thinkEnd, answerStart: thinkEnd + 1, thinkingParts: 1 }
      for (const given of [completion, tokens.slice(promptTokens)]) {
        const layout = await model.layout({ prompt: { text: prompt }, completion: given })
        expect(layout).toMatchObject(expected)
        expect([...layout.tokens]).toEqual(tokens)
      }
    }
  })

  test('puts thinking and answer of another server together as the model itself writes them', async () => {
    for (const { prompt, completion, tokens } of traces.slice(0, 10)) {
      const [thinking = '', answer = ''] = completion.split('</think>')
      const ended = answer.replace(/<\|?\/?[a-z_]+\|?>$/, '')
      for (const parts of [
        { thinking, answer: ended },
        { thinking: thinking.trim(), answer: ended.trim() },
      ]) {
        const layout = await model.layout({ prompt: { text: prompt }, completion: { ...parts, ended: true } })
        expect([...layout.tokens]).toEqual(tokens)
      }
    }
  })

  test('generates nothing', async () => {
    const refused = { code: 'vocabulary_only' }
    await expect(Engine.create(model)).rejects.toMatchObject(refused)
    await expect(model.plan({ prompt: { text: 'x' } })).rejects.toMatchObject(refused)
  })
})
