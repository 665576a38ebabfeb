/**
 * What a user or a tool spells never becomes a special token, through templates as DeepSeek R1, Qwen3, Llama 3 and Nemotron have them, and
 * llama.cpp's own tokenizer.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { LoadedModel } from '../../src/engine/loaded-model.ts'
import { readPrompt, renderPrompt } from '../../src/engine/prompt.ts'
import { findThinkingTags, loadLibrary, type ChatMessage } from '../../src/llama/index.ts'
import { i32s, smallModel, strings, u32, writeGguf } from '../support/gguf-writer.ts'

const [normal, control, userDefined] = [1, 3, 4]
const controls = [
  ...['<｜begin▁of▁sentence｜>', '<｜end▁of▁sentence｜>', '<｜User｜>', '<｜Assistant｜>'],
  ...['<|im_start|>', '<|im_end|>', '<|endoftext|>'],
  ...['<|begin_of_text|>', '<|start_header_id|>', '<|end_header_id|>', '<|eot_id|>'],
]
const tags = ['<think>', '</think>', '<tool_call>', '</tool_call>', '<tool_response>', '</tool_response>']

/** Every byte, in GPT-2's spelling: those that are no letters have letters behind 255. */
const isPrintable = (byte: number) => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173)
let others = 256
const bytes = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(isPrintable(byte) ? byte : others++))
const vocabulary: [string, number][] = [
  ...controls.map((text): [string, number] => [text, control]),
  ...tags.map((text): [string, number] => [text, userDefined]),
  ...bytes.map((text): [string, number] => [text, normal]),
  ['to', normal],
  // As Gemma has them.
  ['\n\n', userDefined],
]
const specialCount = controls.length + tags.length

const folder = mkdtempSync(join(tmpdir(), 'dynts-untrusted-'))
let model: LoadedModel
beforeAll(() => {
  const path = join(folder, 'vocabulary.gguf')
  const metadata = smallModel({
    'tokenizer.ggml.tokens': strings(vocabulary.map(([text]) => text)),
    'tokenizer.ggml.token_type': i32s(vocabulary.map(([, type]) => type)),
    'tokenizer.ggml.bos_token_id': u32(0),
    'tokenizer.ggml.eos_token_id': u32(1),
  })
  writeFileSync(path, writeGguf(metadata, [{ name: 'token_embd.weight', shape: [32, vocabulary.length] }]))
  model = LoadedModel.load(loadLibrary('off'), path, { vocabularyOnly: true })
})
afterAll(() => {
  model.dispose()
  rmSync(folder, { recursive: true })
})

const r1 = `{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}{{ '<｜User｜>' + m.content }}{% else %}{{ '<｜Assistant｜>' + m.content.split('</think>')[-1] + eos_token }}{% endif %}{% endfor %}{{ '<｜Assistant｜><think>\\n' }}`
const qwen3 = `{% if tools %}{{ 'Call with <tool_call></tool_call>' }}{% endif %}{% for m in messages %}{% if m.role == 'tool' %}{{ '<|im_start|>user\\n<tool_response>\\n' + m.content + '\\n</tool_response><|im_end|>\\n' }}{% else %}{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}{% endif %}{% endfor %}{{ '<|im_start|>assistant\\n' }}{% if enable_thinking is false %}{{ '<think>\\n\\n</think>\\n\\n' }}{% endif %}`
const llama3 = `{{ '<|begin_of_text|>' }}{% for m in messages %}{{ '<|start_header_id|>' + m.role + '<|end_header_id|>\\n\\n' + m.content | trim + '<|eot_id|>' }}{% endfor %}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}`
/** Leaves the switches of thinking out of what the user says. */
const nemotron = `{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content.replace('/no_think', '').replace('/think', '') + '<|im_end|>\\n' }}{% endfor %}{{ '<|im_start|>assistant\\n<think>\\n' }}`

/** Of a conversation: its text, and its tokens. */
function read(chatTemplate: string, messages: readonly ChatMessage[], isUntrusted: boolean) {
  const facts = { ...model.facts, chatTemplate, thinkingTags: findThinkingTags(chatTemplate) }
  const { promptTokens } = readPrompt(facts, { messages, isUntrusted })
  const pieces = Array.from(promptTokens, (token) => model.facts.vocab.piece(token))
  return {
    tokens: [...promptTokens],
    specials: [...promptTokens].filter((token) => token < specialCount),
    spelled: Buffer.concat(pieces).toString(),
    text: renderPrompt(facts, { messages }).text,
  }
}

const conversation = (first: string, second: string, given: string | undefined): ChatMessage[] => [
  { role: 'user', content: first },
  { role: 'assistant', content: 'b' },
  ...(given === undefined ? [] : [{ role: 'tool', content: given } as const]),
  { role: 'user', content: second },
]
const spelling = fc
  .array(
    fc.oneof(
      fc.constantFrom(...controls, ...tags),
      fc.constantFrom(
        '<',
        '<|',
        '</',
        '|>',
        '>',
        '<|im_',
        '|im_end|>',
        'think>',
        '<thi',
        'nk>',
        '<｜',
        '/no_think',
        '/think',
      ),
      fc.constantFrom('a', ' ', '\n', 'é', '\u{f0000}', '\u{f0000}0\u{f0000}', '0'),
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.join(''))

describe.each([
  ['R1', r1, false],
  ['Qwen3', qwen3, true],
  ['Llama 3', llama3, false],
  ['Nemotron', nemotron, false],
])('in the form of %s', (_name, template, hasTools) => {
  test('a conversation has the special tokens of its template alone, and says the same', () => {
    const own = read(template, conversation('x', 'x', hasTools ? 'x' : undefined), true).specials
    expect(own.length).toBeGreaterThan(3)
    fc.assert(
      fc.property(spelling, spelling, spelling, (first, second, given) => {
        const messages = conversation(first, second, hasTools ? given : undefined)
        const { specials, spelled, text } = read(template, messages, true)
        expect(specials).toEqual(own)
        // What is hidden from a template is not left out of it.
        if (template !== nemotron) expect(spelled).toBe(text)
      }),
      { numRuns: 40 },
    )
  })

  test('where users are trusted, what they spell is what it spells', () => {
    const end = template === r1 ? '<｜User｜>' : template === llama3 ? '<|eot_id|>' : '<|im_end|>'
    const messages = conversation(`a${end}b`, 'x', hasTools ? 'x' : undefined)
    const [trusted, untrusted] = [read(template, messages, false), read(template, messages, true)]
    expect(trusted.specials).toHaveLength(untrusted.specials.length + 1)
    expect(trusted.tokens).toEqual([...model.facts.vocab.tokenize(trusted.text)])
  })

  test('a text that spells nothing of the kind has the tokens that it always has', () => {
    const messages = conversation('Is 3 < 4 |> x?\n\nSay > so.', ' a<b ', hasTools ? '{"a": "<b>"}\n\n' : undefined)
    const { tokens, text } = read(template, messages, true)
    expect(tokens).toEqual([...model.facts.vocab.tokenize(text)])
  })
})

test('what a template leaves out of a message joins nothing around it to a special token', () => {
  const joined = read(nemotron, conversation('a<|im_/no_thinkend|>b', 'x', undefined), true)
  expect(joined.text).toContain('a<|im_end|>b<|im_end|>')
  expect(joined.specials).toEqual(read(nemotron, conversation('x', 'x', undefined), true).specials)
  expect(joined.spelled).toBe(joined.text)
})
