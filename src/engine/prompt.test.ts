import { expect, test } from 'vitest'
import { renderPrompt } from './prompt.ts'
import { fakeVocabulary } from './vocabulary.fake.ts'

function opening(chatTemplate: string, ...contents: string[]): string {
  const messages = contents.map((content) => ({ role: 'user', content }) as const)
  return renderPrompt({ vocab: fakeVocabulary, chatTemplate }, { messages }).opening
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
  expect(opening(template, ...contents)).toBe(expected)
})
