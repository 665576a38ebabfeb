import { expect, test } from 'vitest'
import { renderPrompt } from './prompt.ts'
import { ReasoningPhase } from './reasoning-phase.ts'
import { fakeVocabulary } from './vocabulary.fake.ts'
import { findThinkingTags } from '../llama/thinking-tags.ts'

function rendered(chatTemplate: string, contents: readonly string[], enableThinking = true) {
  const messages = contents.map((content) => ({ role: 'user', content }) as const)
  const thinkingTags = findThinkingTags(chatTemplate)
  return renderPrompt({ vocab: fakeVocabulary, chatTemplate, thinkingTags }, { messages, enableThinking })
}

const each = '{% for m in messages %}[{{ m.content }}]{% endfor %}'
/** Thinks unless the user says not to, as NVIDIA-Nemotron-Nano-v2. */
const softSwitch = `{% set ns = namespace(on=true) %}{% for m in messages %}{% if '/no_think' in m.content %}{% set ns.on = false %}{% endif %}[{{ m.content.replace('/no_think', '') }}]{% endfor %}{% if ns.on %}<think>{% else %}<think></think>{% endif %}`
/** The same where the switch must be at the very end. */
const switchAtEnd = `{% for m in messages %}[{{ m.content }}]{% if loop.last %}{% if m.content.endswith('/no_think') %}<think></think>{% else %}<think>{% endif %}{% endif %}{% endfor %}`
const stripping = `{% for m in messages %}[{{ m.content.strip() }}]{% endfor %}<think>`

test.each([
  ['what stands behind the last message', `${each}<think>`, ['a', 'b'], ']<think>'],
  ['a message that stands in it as well', `${each}a]<think>`, ['a'], ']a]<think>'],
  ['a tag that a user wrote', each, ['<think>'], ']'],
  ['a switch in the last message', softSwitch, ['Hi /no_think'], ']<think></think>'],
  ['a switch in an earlier message', softSwitch, ['Hi /no_think', 'and?'], ']<think></think>'],
  ['no switch', softSwitch, ['Hi'], ']<think>'],
  ['a switch at the end', switchAtEnd, ['Hi /no_think'], ']<think></think>'],
  ['a message that is stripped', stripping, ['Hi  \n'], ']<think>'],
  ['an empty message', `${each}<think>`, [''], ']<think>'],
  ['a template without messages', '<think>', ['Hi'], '<think>'],
] as const)('the opening is %s', (_what, template, contents, expected) => {
  expect(rendered(template, contents).opening).toBe(expected)
})

test.each([
  ['a thinking that the template opens', `${each}<think>`, { thinking: ' so' }, '[a]<think> so', 'thinking'],
  ['a thinking that nobody has opened', each, { thinking: 'so' }, '[a]<think>\nso', 'thinking'],
  [
    'an answer behind its thinking',
    `${each}<think>`,
    { thinking: 'so', answer: 'It' },
    '[a]<think>so\n</think>\n\nIt',
    'answer',
  ],
  ['an answer without one', `${each}<think>\n`, { answer: 'It' }, '[a]<think>\n\n</think>\n\nIt', 'answer'],
  ['an answer of a model that opens its thinking itself', each, { answer: 'It' }, '[a]It', 'answer'],
  ['an answer that spells a tag', each, { answer: '<think>' }, '[a]<think>', 'answer'],
  ['nothing', `${each}<think>`, {}, '[a]<think>', 'thinking'],
  ['nothing, in two empty texts', each, { thinking: '', answer: '' }, '[a]', undefined],
] as const)('a turn that is begun with %s goes on there', (_what, chatTemplate, begun, text, phase) => {
  const model = { vocab: fakeVocabulary, chatTemplate, thinkingTags: findThinkingTags('<think>') }
  const messages = [{ role: 'user', content: 'a' }] as const
  const prompt = renderPrompt(model, { messages, begun })
  expect(prompt.text).toBe(text)
  expect(new ReasoningPhase(model.thinkingTags, prompt.opening).phase).toBe(phase)
})

test('a thinking cannot be begun where there is to be none', () => {
  const model = {
    vocab: fakeVocabulary,
    chatTemplate: `${each}<think></think>`,
    thinkingTags: findThinkingTags('<think>'),
  }
  const prompt = { messages: [{ role: 'user', content: 'a' }] as const, begun: { thinking: 'so' } }
  expect(() => renderPrompt(model, prompt)).toThrow(expect.objectContaining({ code: 'invalid_request' }) as Error)
})

const own = `${each}{% if enable_thinking %}<think>{% else %}<think>\n\n</think>\n\n{% endif %}`
const harmony = `${each}{# <|channel|>analysis<|message|> <|channel|>final<|message|> <|end|> #}<|start|>assistant`

test.each([
  ['a template with a switch', own, 'a', '[a]<think>\n\n</think>\n\n'],
  ['a template that opens the thinking', `${each}<think>\n`, 'a', '[a]<think>\n\n</think>\n\n'],
  ['a template that opens the thinking without a line break', `${each}<think>`, 'a', '[a]<think>\n\n</think>\n\n'],
  ['a template that leaves the opening to the model', `{# <think> #}${each}`, 'a', '[a]<think>\n\n</think>\n\n'],
  ['a question that has switched it off', softSwitch, 'a/no_think', '[a]<think></think>'],
  ['harmony', harmony, 'a', '[a]<|start|>assistant<|channel|>final<|message|>'],
  ['a template that names no thinking', each, 'a', '[a]'],
])('without thinking: %s', (_what, template, content, expected) => {
  const { text, opening } = rendered(template, [content], false)
  expect(text).toBe(expected)
  expect(text.endsWith(opening)).toBe(true)
})
