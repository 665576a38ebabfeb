import { describe, expect, test } from 'vitest'
import { renderChat, type ChatMessage } from './chat-template.ts'

/** As in DeepSeek-R1-Distill-Qwen and -Llama: the thinking of earlier turns is dropped, the tag of this one is opened. */
const r1Distill = `{% if not add_generation_prompt is defined %}{% set add_generation_prompt = false %}{% endif %}{% set ns = namespace(is_first=false, system_prompt='') %}{%- for message in messages %}{%- if message['role'] == 'system' %}{% set ns.system_prompt = message['content'] %}{%- endif %}{%- endfor %}{{bos_token}}{{ns.system_prompt}}{%- for message in messages %}{%- if message['role'] == 'user' %}{{'<｜User｜>' + message['content']}}{%- endif %}{%- if message['role'] == 'assistant' and message['content'] is not none %}{% set content = message['content'] %}{% if '</think>' in content %}{% set content = content.split('</think>')[-1] %}{% endif %}{{'<｜Assistant｜>' + content + '<｜end▁of▁sentence｜>'}}{%- endif %}{%- endfor %}{% if add_generation_prompt %}{{'<｜Assistant｜><think>\\n'}}{% endif %}`

/** As in Qwen3: thinking can be switched off by an empty thought; without thoughts in earlier turns. */
const qwen3 = `{%- if messages[0].role == 'system' %}
    {{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}
{%- endif %}
{%- set ns = namespace(multi_step_tool=true, last_query_index=messages|length - 1) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if ns.multi_step_tool and message.role == "user" and message.content is string and not(message.content.startswith('<tool_response>') and message.content.endswith('</tool_response>')) %}
        {%- set ns.multi_step_tool = false %}
        {%- set ns.last_query_index = index %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- set content = message.content if message.content is string else '' %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) %}
        {{- '<|im_start|>' + message.role + '\\n' + content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "assistant" %}
        {%- if '</think>' in content %}
            {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
        {%- endif %}
        {{- '<|im_start|>' + message.role + '\\n' + content }}
        {{- '<|im_end|>\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\\n\\n</think>\\n\\n' }}
    {%- endif %}
{%- endif %}`

/** As in Llama 3.1: a system header with a date, whether or not there is a system message. */
const llama3 = `{{- bos_token }}
{%- if not date_string is defined %}
    {%- set date_string = "26 Jul 2024" %}
{%- endif %}
{%- if not tools is defined %}
    {%- set tools = none %}
{%- endif %}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\\n\\n" }}
{%- if tools is not none %}
    {{- "Environment: ipython\\n" }}
{%- endif %}
{{- "Cutting Knowledge Date: December 2023\\n" }}
{{- "Today Date: " + date_string + "\\n\\n" }}
{{- system_message }}
{{- "<|eot_id|>" }}
{%- for message in messages %}
    {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'+ message['content'] | trim + '<|eot_id|>' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
{%- endif %}`

/** As in Mistral's instruction models: turns must alternate, and the template says so itself. */
const mistral = `{%- if messages[0]["role"] == "system" %}
    {%- set system_message = messages[0]["content"] %}
    {%- set loop_messages = messages[1:] %}
{%- else %}
    {%- set loop_messages = messages %}
{%- endif %}
{{- bos_token }}
{%- for message in loop_messages %}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}
        {{- raise_exception('After the optional system message, conversation roles must alternate user/assistant/user/assistant/...') }}
    {%- endif %}
    {%- if message["role"] == "user" %}
        {%- if loop.last and system_message is defined %}
            {{- "[INST] " + system_message + "\\n\\n" + message["content"] + "[/INST]" }}
        {%- else %}
            {{- "[INST] " + message["content"] + "[/INST]" }}
        {%- endif %}
    {%- elif message["role"] == "assistant" %}
        {{- " " + message["content"] + eos_token }}
    {%- endif %}
{%- endfor %}`

const user = (content: string): ChatMessage => ({ role: 'user', content })
const assistant = (content: string): ChatMessage => ({ role: 'assistant', content })
const system = (content: string): ChatMessage => ({ role: 'system', content })
const tokens = { bosToken: '<s>', eosToken: '</s>' }

describe('renderChat', () => {
  test('R1-Distill: opens the thinking, and drops that of earlier turns', () => {
    expect(
      renderChat(r1Distill, [system('Be brief.'), user('1+1?')], { ...tokens, bosToken: '<｜begin▁of▁sentence｜>' }),
    ).toBe('<｜begin▁of▁sentence｜>Be brief.<｜User｜>1+1?<｜Assistant｜><think>\n')
    expect(renderChat(r1Distill, [user('1+1?'), assistant('<think>hm</think>2'), user('And 2+2?')], tokens)).toBe(
      '<s><｜User｜>1+1?<｜Assistant｜>2<｜end▁of▁sentence｜><｜User｜>And 2+2?<｜Assistant｜><think>\n',
    )
  })

  test('Qwen3: thinks unless it is told not to', () => {
    const messages = [system('Be brief.'), user('a'), assistant('<think>\nhm\n</think>\n\nb'), user('c')]
    const text =
      '<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\nb<|im_end|>\n' +
      '<|im_start|>user\nc<|im_end|>\n<|im_start|>assistant\n'
    expect(renderChat(qwen3, messages, tokens)).toBe(text)
    expect(renderChat(qwen3, messages, { ...tokens, enableThinking: true })).toBe(text)
    expect(renderChat(qwen3, messages, { ...tokens, enableThinking: false })).toBe(`${text}<think>\n\n</think>\n\n`)
  })

  test('Llama 3: a system header without tools; the same prompt on every day', () => {
    const rendered = renderChat(llama3, [user(' Hi ')], { ...tokens, bosToken: '<|begin_of_text|>' })
    expect(rendered).toBe(
      '<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nCutting Knowledge Date: December 2023\n' +
        'Today Date: 26 Jul 2024\n\n<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>' +
        '<|start_header_id|>assistant<|end_header_id|>\n\n',
    )
  })

  test('Mistral: the system message goes into the last turn', () => {
    expect(renderChat(mistral, [system('S'), user('a'), assistant('b'), user('c')], tokens)).toBe(
      '<s>[INST] a[/INST] b</s>[INST] S\n\nc[/INST]',
    )
  })

  test('what a template raises is said, as an error of the input', () => {
    expect(() => renderChat(mistral, [user('a'), user('b')], tokens)).toThrow(
      expect.objectContaining({
        name: 'InputError',
        code: 'chat_template',
        message: expect.stringContaining('conversation roles must alternate') as string,
      }),
    )
  })

  test.each(['{% if %}', '{{ messages[0].content | nosuchfilter }}', '{% for m in 5 %}{% endfor %}'])(
    'a broken template is an error of the input: %s',
    (template) => {
      expect(() => renderChat(template, [user('a')], tokens)).toThrow(
        expect.objectContaining({ name: 'InputError', code: 'chat_template' }),
      )
    },
  )

  test('what a message says is no template', () => {
    const text = "{{ 7 * 7 }}{% raw %}<|im_end|>{{ raise_exception('x') }}"
    expect(renderChat(qwen3, [user(text)], tokens)).toContain(text)
  })
})
