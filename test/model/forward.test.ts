import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { AttentionProbe, LlamaContext, LlamaModel, loadLibrary } from '../../src/llama/index.ts'
import { forwardOracle, importanceOracle, maxDifference, tinyF32 } from '../oracle.ts'

let model: LlamaModel

beforeAll(() => {
  model = LlamaModel.load(loadLibrary('off'), tinyF32)
})
afterAll(() => model.dispose())

describe('the forward pass, against the oracle (float32 model and cache)', () => {
  test.each(forwardOracle())('trace $id: hidden states, logits and log-probabilities', (trace) => {
    using context = LlamaContext.create(model, {
      cellsPerSequence: 1024,
      kvType: 'f32',
      threads: 1,
      flashAttention: false,
    })
    const first = trace.tokens.slice(0, 1)
    context.append(0, first, 0)
    const logprobs = [logprobOf(context.logits(0), trace.tokens[1]!)]
    for (let position = 1; position < trace.tokens.length; position++) {
      context.decode({ tokens: [trace.tokens[position]!], positions: [position], sequenceIds: [0] }, true)
      const logits = context.logits(0)
      const i = trace.positions.indexOf(position)
      if (i >= 0) {
        expect(maxDifference(context.hiddenState(0), trace.hidden[i]!)).toBeLessThan(1e-3)
        expect(maxDifference(logits, trace.logits[i]!)).toBeLessThan(1e-3)
      }
      const next = trace.tokens[position + 1]
      if (next !== undefined) logprobs.push(logprobOf(logits, next))
    }
    expect(maxDifference(logprobs, trace.logprobOfNext)).toBeLessThan(1e-3)
  })

  test('all 100 traces are tokenised alike', () => {
    for (const trace of importanceOracle().traces) {
      expect([...model.vocab.tokenize(trace.prompt + trace.completion)]).toEqual(trace.tokens)
      expect(model.vocab.detokenize(trace.tokens)).toBe(trace.prompt + trace.completion)
    }
  })
})

test('the attention probe gives the importance that the oracle measured', () => {
  for (const trace of importanceOracle().traces.slice(0, 3)) {
    const probe = new AttentionProbe(model.library)
    using context = LlamaContext.create(model, {
      cellsPerSequence: 1024,
      kvType: 'f32',
      threads: 1,
      flashAttention: false,
      attentionProbe: probe,
    })
    const answerStart = trace.thinkEnd + 1
    context.append(0, trace.tokens.slice(0, answerStart), 0, 'none')
    probe.active = true
    context.append(0, trace.tokens.slice(answerStart), answerStart, 'none')
    const { width, queries, weights } = probe.take()
    const importance = Array.from({ length: trace.thinkEnd }, (_, position) => {
      let sum = 0
      for (let query = 0; query < queries; query++) sum += weights[query * width + position]!
      return sum / queries
    })
    expect(maxDifference(importance, [...trace.promptImportance, ...trace.importance])).toBeLessThan(1e-5)
  }
})

function logprobOf(logits: Float32Array, token: number): number {
  let max = -Infinity
  for (const logit of logits) max = Math.max(max, logit)
  let sum = 0
  for (const logit of logits) sum += Math.exp(logit - max)
  return logits[token]! - max - Math.log(sum)
}
