import { describe, expect, test } from 'vitest'
import { findThinkingTags, tagsOf } from './thinking-tags.ts'

describe('findThinkingTags', () => {
  test.each([
    [
      'R1-Distill',
      "{% set content = content.split('</think>')[-1] %}{{ '<｜Assistant｜><think>\\n' }}",
      '<think>',
      '</think>',
    ],
    ['Magistral', "{{ '[SYSTEM_PROMPT]Draft: [THINK]...[/THINK][/SYSTEM_PROMPT]' }}", '[THINK]', '[/THINK]'],
    ['the closing tag only', "{% set content = content.split('</thought>')[-1] %}", '<thought>', '</thought>'],
    ['thinking', "{{ '<thinking>' }}", '<thinking>', '</thinking>'],
    ['reasoning', "{{ '<reasoning>' }}", '<reasoning>', '</reasoning>'],
    ['begin_of_thought', "{{ '<|begin_of_thought|>' }}", '<|begin_of_thought|>', '<|end_of_thought|>'],
    ['Seed-OSS', "{{ '<seed:think>' }}", '<seed:think>', '</seed:think>'],
    ['MiniMax-M3', "{{ '<mm:think>' }}", '<mm:think>', '</mm:think>'],
    ['Gemma 4', "{{ '<|turn>model\\n<|channel>thought\\n<channel|>' }}", '<|channel>thought', '<channel|>'],
    ['a turn that ends like harmony’s', "{{ message.content + '<|end|><|assistant|><think>' }}", '<think>', '</think>'],
  ])('a pair: %s', (_name, template, open, close) => {
    expect(findThinkingTags(template)).toMatchObject({ open, close, answerOpens: [], areAssumed: false })
    expect(findThinkingTags(template).closing).toContain(close)
  })

  test.each([
    [
      'gpt-oss',
      "{{ '<|start|>assistant<|channel|>analysis<|message|>' }}{{ '<|end|>' }}{{ '<|start|>assistant<|channel|>final<|message|>' }}",
      '<|end|><|start|>assistant<|channel|>final<|message|>',
      '<|channel|>final<|message|>',
    ],
    [
      'Cohere',
      "{{ '<|START_THINKING|>' }}{{ '<|END_THINKING|><|START_RESPONSE|>' }}",
      '<|END_THINKING|><|START_RESPONSE|>',
      '<|START_THINKING|><|END_THINKING|><|START_RESPONSE|>',
    ],
    [
      'Apriel',
      "{{ 'then [BEGIN FINAL RESPONSE]' }}{{ '<|assistant|>\\nHere are my reasoning steps:\\n' }}",
      '\n[BEGIN FINAL RESPONSE]\n',
      'Here are my reasoning steps:\n\n[BEGIN FINAL RESPONSE]\n',
    ],
    [
      'Hunyuan',
      "{{ '<think>\\n\\n</think>\\n' }}{{ '<answer>' }}",
      '\n</think>\n<answer>\n',
      '<think>\n\n</think>\n<answer>\n',
    ],
  ])('an answer with tags of its own: %s', (_name, template, closing, empty) => {
    expect(findThinkingTags(template)).toMatchObject({ closing, empty, areAssumed: false })
  })

  test('a template that names none: what the vocabulary has, else <think>', () => {
    const tokens = (...list: string[]) => new Set(list)
    const found = (list: ReadonlySet<string>) => findThinkingTags('{{ messages }}', (text) => list.has(text))
    expect(found(tokens('[THINK]', '[/THINK]'))).toMatchObject({ open: '[THINK]', areAssumed: true })
    expect(found(tokens('<|channel|>', '<|message|>', '<|end|>'))).toMatchObject({ between: '<|start|>assistant' })
    expect(found(tokens('<|channel|>', '<|end|>', '<think>'))).toMatchObject({ open: '<think>', areAssumed: true })
    expect(findThinkingTags('')).toMatchObject({ open: '<think>', close: '</think>', areAssumed: true })
  })
})

test('what belongs to a pair that a user gives', () => {
  expect(tagsOf({ open: '<a>', close: '</a>' })).toEqual({
    ...{ open: '<a>', close: '</a>', answerOpens: [], answerClose: undefined, between: '' },
    ...{ closing: '\n</a>\n\n', empty: '<a>\n\n</a>\n\n', areAssumed: false },
  })
})
