import { describe, expect, test } from 'vitest'
import { renderJinja, TemplateSyntaxError } from './render.ts'

test.each([
  ["{{ '\\n\\nx\\n'.strip('\\n') }}|", 'x|'],
  ["{{ 'xxaxx'.lstrip('x') }}{{ 'xxaxx'.rstrip('x') }}", 'axxxxa'],
  ["{{ 'abcab'.strip('ba') }}{{ ' a '.strip() }}{{ ' a '.strip(none) }}|", 'caa|'],
  ["{{ ' a'.strip().upper() }}", 'A'],
  ["{{ '<{}|{}>'.format('a', 2) }}", '<a|2>'],
  ["{{ '{1}{0}{1}'.format('a', 'b') }}", 'bab'],
  ["{{ '{x}-{y} {{}}'.format(y='b', x='a') }}", 'a-b {}'],
  [
    "{% set d = {0: 'a', 512: 'b', 'k': 'c'} %}{{ d[0] }}{{ d[512] }}{{ d['k'] }}{{ d.k }}{{ d[7] is defined }}",
    'abccFalse',
  ],
  ["{% set d = {1024: 'y', 512: 'x'} %}{% for k, v in d|dictsort %}{{ k + 1 }}{{ v }}{% endfor %}", '513x1025y'],
  [
    "{% set d = {5: 'x'} %}{% for k in d %}{{ k > 4 }}{% endfor %}{{ 5 in d }}{{ 6 in d }}{{ 6 not in d }}",
    'TrueTrueFalseTrue',
  ],
  ["{% set d = {'a': {1: ['x', 'y']}} %}{{ d['a'][1][1] }}{{ d.a[1][0:1]|join }}", 'yx'],
  ['a\r\n{% if true %}\r\nb\r\n{% endif %}\r\n', 'a\nb\n'],
  ['{% for i in range(3) %}{{ i }}{% endfor %}{% for i in range(5, 1, -2) %}{{ i }}{% endfor %}', '01253'],
  ['{{ strftime_now is defined }}', 'True'],
])('%j', (template, text) => expect(renderJinja(template, {})).toBe(text))

test('variables, and what the template refuses', () => {
  expect(renderJinja('{{ m[0].role }}{{ tools is none }}', { m: [{ role: 'user' }], tools: null })).toBe('userTrue')
  expect(() => renderJinja("{{ raise_exception('No!') }}", {})).toThrow('No!')
  expect(() => renderJinja("{{ '{}'.format() }}", {})).toThrow('nothing is given for the field {}')
})

describe('a template that would not end, or fill the memory', () => {
  test.each([
    '{% for i in range(1000000000) %}x{% endfor %}',
    '{{ range(30000000)|list|length }}',
    '{% for a in range(9999) %}{% for b in range(9999) %}{{ a }}{% endfor %}{% endfor %}',
    "{% set ns = namespace(x='aaaaaaaa') %}{% for i in range(60) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}{{ ns.x }}",
    '{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(1) }}',
    `{{ ${'('.repeat(50_000)}1${')'.repeat(50_000)} }}`,
  ])('%.60s', (template) => expect(() => renderJinja(template, {})).toThrow())
})

test.each(['{% for m in messages %}{{ m }}', '{{ x', '{% if a %}{% else %}', "{{ 'a }}", '{% nothing %}'])(
  '%s is no template',
  (template) => expect(() => renderJinja(template, { messages: [] })).toThrow(TemplateSyntaxError),
)
