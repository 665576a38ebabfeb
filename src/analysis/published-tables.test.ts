import { describe, expect, test } from 'vitest'
import { publishedModel, publishedResult, publishedTasks } from './published-tables.ts'

const llama = 'DeepSeek-R1-Distill-Llama-8B'
const qwen = 'DeepSeek R1 Distill Qwen 7B'

test('a model is known by its name, however it is written', () => {
  expect(publishedModel('deepseek_r1_distill_qwen_7b')).toBe('DeepSeek-R1-Distill-Qwen-7B')
  expect(publishedModel('DeepSeek-R1-Distill-Llama-8B-Q4_K_M')).toBe('DeepSeek-R1-Distill-Llama-8B')
  expect(publishedModel('DeepSeek R1 Distill Qwen 1.5B')).toBeUndefined()
  expect(publishedModel('dynts tiny reasoner')).toBeUndefined()
})

/** The tables' last column, which was printed apart: the mean of the six tasks, rounded. */
describe.each([
  ['accuracy', llama, { full: 61.6, window: 39.2, 'streaming-llm': 43.3, sepllm: 49.4, h2o: 55.9, snapkv: 56.3 }],
  ['accuracy', llama, { 'r-kv': 59.6, dynts: 61.9, 'dynts-no-local': 59, 'dynts-no-question': 39.8 }],
  ['accuracy', llama, { 'question-window': 59.6, random: 42.2, 'dynts-bottom': 39.8 }],
  ['accuracy', qwen, { full: 65.5, window: 59.5, 'streaming-llm': 59.8, sepllm: 59.6, h2o: 61.6, snapkv: 63.2 }],
  ['accuracy', qwen, { 'r-kv': 62.2, dynts: 65.3, 'dynts-no-local': 61.6, 'dynts-no-question': 62.6 }],
  ['accuracy', qwen, { 'question-window': 63.5, random: 61.9, 'dynts-bottom': 57.6 }],
  ['tokensPerSecond', llama, { full: 258.6, window: 486.7, 'streaming-llm': 487.7, sepllm: 491.6, h2o: 467.1 }],
  ['tokensPerSecond', llama, { snapkv: 479.3, 'r-kv': 481.4, dynts: 489.8 }],
  ['tokensPerSecond', qwen, { full: 424.7, window: 693.7, 'streaming-llm': 700.5, sepllm: 700.4, h2o: 655.1 }],
  ['tokensPerSecond', qwen, { snapkv: 680.7, 'r-kv': 680.7, dynts: 688.1 }],
] as const)('the mean of six, %s of %s', (field, model, means) => {
  test.each(Object.entries(means))('%s: %d', (policy, mean) => {
    const values = publishedTasks.map(({ task }) => publishedResult(model, task, policy)?.[field] ?? NaN)
    expect(Math.abs(values.reduce((a, b) => a + b) / 6 - mean)).toBeLessThan(0.1)
  })
})

test('speed to the full cache’s: Llama on AIME24 2.07, Qwen on MATH500 1.51', () => {
  expect(publishedResult(llama, 'aime24', 'dynts')?.speedup).toBeCloseTo(2.067, 3)
  expect(publishedResult(qwen, 'math500', 'dynts')?.speedup).toBeCloseTo(1.507, 3)
  expect(publishedResult(llama, 'aime24', 'random')?.speedup).toBeNull()
})

test('nothing is published of other tasks, models, or a baseline with the question protected', () => {
  expect(publishedResult(llama, 'gsm8k', 'dynts')).toBeUndefined()
  expect(publishedResult('a model', 'aime24', 'dynts')).toBeUndefined()
  expect(publishedResult(llama, 'aime24', 'h2o+question')).toBeUndefined()
})
