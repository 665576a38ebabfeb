/** Texts of a SentencePiece vocabulary, as llama.cpp splits them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { LoadedModel } from '../../src/engine/loaded-model.ts'
import { layOutTrace } from '../../src/engine/trace-layout.ts'
import { loadLibrary, tagsOf } from '../../src/llama/index.ts'
import { bool, f32s, i32s, smallModel, strings, text, u32, writeGguf } from '../support/gguf-writer.ts'

const folder = mkdtempSync(join(tmpdir(), 'dynts-vocabulary-'))
const normal = 1
const unknown = 2
const control = 3
const byte = 6
const entries: [string, number, number][] = [
  ['<unk>', 0, unknown],
  ['<s>', 0, control],
  ['</s>', 0, control],
  ['<think>', 0, control],
  ['</think>', 0, control],
  ...Array.from({ length: 256 }, (_, i): [string, number, number] => [
    `<0x${i.toString(16).toUpperCase().padStart(2, '0')}>`,
    0,
    byte,
  ]),
  // Each longer one has its parts, which is how SentencePiece comes to it; the higher score merges first.
  ...['▁', 'a', 'b', 'ab', '▁a', '▁ab'].map((piece, i): [string, number, number] => [piece, i - 6, normal]),
]
const tokenOf = (piece: string) => entries.findIndex(([known]) => known === piece)

let model: LoadedModel
beforeAll(() => {
  const path = join(folder, 'sentencepiece.gguf')
  const metadata = smallModel({
    'tokenizer.ggml.model': text('llama'),
    'tokenizer.ggml.pre': text('default'),
    'tokenizer.ggml.tokens': strings(entries.map(([piece]) => piece)),
    'tokenizer.ggml.scores': f32s(entries.map(([, score]) => score)),
    'tokenizer.ggml.token_type': i32s(entries.map(([, , type]) => type)),
    'tokenizer.ggml.merges': undefined,
    'tokenizer.ggml.bos_token_id': u32(1),
    'tokenizer.ggml.eos_token_id': u32(2),
    'tokenizer.ggml.unknown_token_id': u32(0),
    'tokenizer.ggml.add_space_prefix': bool(true),
  })
  writeFileSync(path, writeGguf(metadata, [{ name: 'token_embd.weight', shape: [32, entries.length] }]))
  model = LoadedModel.load(loadLibrary('off'), path, { vocabularyOnly: true })
})
afterAll(() => {
  model.dispose()
  rmSync(folder, { recursive: true })
})

test('a text that a vocabulary without an unknown token has no tokens for is refused', () => {
  const path = join(folder, 'wordpiece.gguf')
  const tokens = ['[PAD]', '[CLS]', '[SEP]', '▁a', 'b']
  const metadata = smallModel({
    'tokenizer.ggml.model': text('bert'),
    'tokenizer.ggml.tokens': strings(tokens),
    'tokenizer.ggml.token_type': i32s(tokens.map((_, i) => (i < 3 ? control : normal))),
    'tokenizer.ggml.merges': undefined,
  })
  writeFileSync(path, writeGguf(metadata, [{ name: 'token_embd.weight', shape: [32, tokens.length] }]))
  using wordPiece = LoadedModel.load(loadLibrary('off'), path, { vocabularyOnly: true })
  const { vocab } = wordPiece.facts
  expect([...vocab.tokenize('ab')]).toEqual([3, 4])
  expect(() => vocab.tokenize('ab z')).toThrow(expect.objectContaining({ name: 'InputError', code: 'invalid_text' }))
})

const piecesOf = (tokens: Iterable<number>) => [...tokens].map((token) => entries[token]![0])

test('a space is put before a text, and behind a special token in it', () => {
  const { vocab } = model.facts
  expect(piecesOf(vocab.tokenize('ab<think>a b'))).toEqual(['▁ab', '<think>', '▁a', '▁', 'b'])
})

test.each([
  ['ab', ['ab']],
  [' ab', ['▁ab']],
  ['ab<think>a b</think> a', ['ab', '<think>', 'a', '▁', 'b', '</think>', '▁a']],
  ['</think>', ['</think>']],
  ['\nab', ['<0x0A>', 'ab']],
  ['', []],
])('not before a continuation: %j', (continuation, pieces) => {
  const { vocab } = model.facts
  const tokens = vocab.tokenizeContinuation(continuation)
  expect(piecesOf(tokens)).toEqual(pieces)
  const bytes = [...tokens].flatMap((token) => [...vocab.piece(token)])
  expect(Buffer.from(bytes).toString()).toBe(continuation)
})

test('special tokens stay text where they are not wanted', () => {
  const { vocab } = model.facts
  expect(piecesOf(vocab.tokenizeContinuation('a</s>', { special: false })).slice(0, 2)).toEqual(['a', '<0x3C>'])
})

test('a trace that is given as text has the tokens that a model would have written', () => {
  const facts = {
    ...model.facts,
    chatTemplate: undefined,
    thinkingTags: tagsOf({ open: '<think>', close: '</think>' }),
  }
  const layout = layOutTrace(facts, { text: 'ab<think>' }, ' a\n</think>b')
  expect(piecesOf(layout.tokens)).toEqual(['<s>', '▁ab', '<think>', '▁a', '<0x0A>', '</think>', 'b'])
  expect(layout).toMatchObject({ thinking: ' a\n', answer: 'b' })
  expect(tokenOf('b')).toBe(layout.tokens.at(-1))
})
