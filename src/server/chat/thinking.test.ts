import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { readThinking, thinkingFields, type ThinkingFields } from './thinking.ts'

describe('readThinking', () => {
  test.each<[ThinkingFields, { enabled?: boolean; effort?: string; budget?: number; variables?: object }]>([
    [{}, {}],
    [{ reasoning_effort: 'none' }, { effort: 'none', enabled: false, variables: { thinking: false } }],
    [
      { reasoning_effort: 'high' },
      { effort: 'high', enabled: true, variables: { thinking: true, reasoning_effort: 'high' } },
    ],
    [
      { reasoning: { effort: 'low' } },
      { effort: 'low', enabled: true, variables: { thinking: true, reasoning_effort: 'low' } },
    ],
    [
      { think: 'medium' },
      { effort: 'medium', enabled: true, variables: { thinking: true, reasoning_effort: 'medium' } },
    ],
    [{ think: false }, { enabled: false, variables: { thinking: false } }],
    [{ thinking: { type: 'disabled' } }, { enabled: false, variables: { thinking: false } }],
    [{ thinking: { type: 'enabled', budget_tokens: 9 } }, { enabled: true, budget: 9, variables: { thinking: true } }],
    [{ thinking_budget: 0 }, { enabled: false, variables: { thinking: false } }],
    [{ thinking_budget: -1 }, {}],
    [{ reasoning: { max_tokens: 5 } }, { budget: 5 }],
    [{ thinking_budget: 7, reasoning_budget: 7 }, { budget: 7 }],
    [
      { chat_template_kwargs: { enable_thinking: false, style: 'plain' } },
      { enabled: false, variables: { thinking: false, style: 'plain' } },
    ],
  ])('%j', (given, { enabled, effort, budget, variables = {} }) => {
    expect(readThinking(given)).toEqual({ enabled, effort, budget, variables })
  })

  test.each<[ThinkingFields]>([
    [{ enable_thinking: true, think: false }],
    [{ reasoning_effort: 'high', thinking: { type: 'disabled' } }],
    [{ thinking_budget: 1, reasoning_budget: 2 }],
    [{ reasoning_effort: 'high', think: 'low' }],
    [{ enable_thinking: true, thinking_budget: 0 }],
  ])('%j contradicts itself', (given) => {
    expect(() => readThinking(given)).toThrow(expect.objectContaining({ status: 400, code: 'conflicting_parameters' }))
  })
})

test.each(['messages', 'tools', 'documents', 'add_generation_prompt', 'bos_token', 'eos_token'])(
  'a template is not given %s as a variable',
  (name) => {
    const { error } = z.object(thinkingFields).safeParse({ chat_template_kwargs: { [name]: null, style: 'plain' } })
    expect(error?.issues).toMatchObject([{ path: ['chat_template_kwargs'] }])
    expect(z.object(thinkingFields).safeParse({ chat_template_kwargs: { style: 'plain' } }).success).toBe(true)
  },
)
