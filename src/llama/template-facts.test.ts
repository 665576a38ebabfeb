import { expect, test } from 'vitest'
import { templateFacts } from './template-facts.ts'

const each = (body: string) => `{% for message in messages %}${body}{% endfor %}`
const nothing = { hasThinkingSwitch: false, showsSystem: false, showsEarlierThinking: false }

test.each<[string | undefined, object]>([
  [undefined, { showsSystem: true }],
  [each('{{ message.content }}'), { showsSystem: true }],
  [each("{% if message.role != 'system' %}{{ message.content }}{% endif %}"), {}],
  [each("{% if message.role == 'system' %}{{ raise_exception('no system') }}{% endif %}{{ message.content }}"), {}],
  [
    each('{{ message.content }}{% if message.reasoning_content %}{{ message.reasoning_content }}{% endif %}'),
    { showsSystem: true, showsEarlierThinking: true },
  ],
  // It speaks of thinking, and has no switch for it.
  [each("{{ message.role }}{{ '<thinking>' }}"), {}],
  ['{% if enable_thinking is defined and enable_thinking is false %}off{% endif %}', { hasThinkingSwitch: true }],
  ['{% if thinking %}on{% endif %}', { hasThinkingSwitch: true }],
  ['{% broken', {}],
])('%s', (template, facts) => {
  expect(templateFacts(template)).toEqual({ ...nothing, ...facts })
})
