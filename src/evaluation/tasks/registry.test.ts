import { describe, expect, test } from 'vitest'
import { findTask, taskNames } from './registry.ts'

describe('findTask', () => {
  test.each(taskNames)('%s', (name) => {
    const task = findTask(name)
    expect(task.name).toBe(name)
    const { budget, localWindow, ratio, sampling, maxTokens } = task.published('any')
    expect(localWindow).toBeLessThan(budget)
    expect(ratio).toBeGreaterThan(0)
    expect(budget).toBeLessThan(maxTokens)
    expect(sampling).toEqual({ temperature: 0.6, topP: 0.95, topK: 20 })
  })

  test('a name that does not exist', () => {
    expect(() => findTask('math')).toThrow(/Did you mean math500\? Tasks: aime24, /)
    expect(() => findTask('constructor')).toThrow(expect.objectContaining({ code: 'unknown_task' }) as Error)
  })
})

test.each([
  ['aime24', 'DeepSeek R1 Distill Qwen 7B', 5000, 2000, 0.4],
  ['aime25', 'DeepSeek-R1-Distill-Llama-8B', 5000, 2000, 0.3],
  ['aime26', 'R1-Qwen', 5000, 2000, 0.4],
  ['hmmt25', 'R1-Llama', 5000, 2000, 0.3],
  ['hmmt26', 'R1-Qwen', 5000, 2000, 0.4],
  ['amc23', 'QwQ-32B', 5000, 2000, 0.4],
  ['gpqa-diamond', 'llama', 5000, 2000, 0.3],
  ['gaokao2023en', 'R1-Qwen', 3000, 1500, 0.4],
  ['math500', 'R1-Llama', 3000, 1000, 0.3],
  ['gsm8k', 'R1-Qwen', 3000, 1500, 0.4],
  ['humaneval-js', 'R1-Qwen', 3000, 1500, 0.4],
])('published settings of %s with %s', (name, model, budget, localWindow, ratio) => {
  expect(findTask(name).published(model)).toMatchObject({
    budget,
    localWindow,
    ratio,
    maxTokens: 16_384,
    samples: 5,
    parallel: 20,
  })
})

test('published settings of chain', () => {
  expect(findTask('chain').published('tiny')).toMatchObject({
    budget: 320,
    localWindow: 32,
    ratio: 0.5,
    maxTokens: 1024,
    samples: 1,
  })
})
