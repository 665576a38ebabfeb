/** A small whole vocabulary for each tokenizer of llama.cpp, and a model's plan with another than its own. */
import type { ModelPlan } from './families.ts'
import { bool, f32s, i32s, strings, text, u32, type Value } from './gguf-writer.ts'

const kinds = { normal: 1, unknown: 2, control: 3, byte: 6 }
type Entry = readonly [token: string, kind: keyof typeof kinds, score?: number]

const byteNames = Array.from({ length: 256 }, (_, i) => `<0x${i.toString(16).toUpperCase().padStart(2, '0')}>`)
const byteEntries = byteNames.map((name): Entry => [name, 'byte'])
const letters = Array.from('abcdefgh0123.,?', (letter, i): Entry => [letter, 'normal', -1 - i])
const begun = Array.from('abcdefgh', (letter, i): Entry => [`▁${letter}`, 'normal', -20 - i])
const special = (...tokens: string[]) => tokens.map((token): Entry => [token, 'control'])

function vocabulary(model: string, entries: readonly Entry[], ids: Readonly<Record<string, number>>) {
  const values: Record<string, Value> = {
    model: text(model),
    tokens: strings(entries.map(([token]) => token)),
    scores: f32s(entries.map(([, , score = 0]) => score)),
    token_type: i32s(entries.map(([, kind]) => kinds[kind])),
  }
  for (const [name, id] of Object.entries(ids)) values[`${name}_token_id`] = u32(id)
  return { size: entries.length, values }
}

/** By `tokenizer.ggml.model`. */
export const vocabularies: Readonly<Record<string, { size: number; values: Readonly<Record<string, Value>> }>> = {
  // SentencePiece
  llama: vocabulary(
    'llama',
    [['<unk>', 'unknown'], ...special('<s>', '</s>'), ...byteEntries, ['▁', 'normal', -1], ...letters, ...begun],
    { unknown: 0, bos: 1, eos: 2 },
  ),
  // WordPiece
  bert: vocabulary(
    'bert',
    [['[PAD]', 'control'], ['[UNK]', 'unknown'], ...special('[CLS]', '[SEP]', '[MASK]'), ...letters, ...begun],
    { padding: 0, unknown: 1, bos: 2, seperator: 3, mask: 4, eos: 3 },
  ),
  // Unigram
  t5: vocabulary('t5', [...special('<pad>', '</s>'), ['<unk>', 'unknown'], ['▁', 'normal', -1], ...letters, ...begun], {
    padding: 0,
    eos: 1,
    unknown: 2,
  }),
  // Every byte, in RWKV's spelling.
  rwkv: vocabulary(
    'rwkv',
    [
      ...special('<s>'),
      ...Array.from({ length: 256 }, (_, i): Entry => [`\\x${i.toString(16).padStart(2, '0')}`, 'normal']),
      ['ab', 'normal'],
      ['abc', 'normal'],
    ],
    { bos: 0, eos: 0 },
  ),
  plamo2: vocabulary(
    'plamo2',
    [['<unk>', 'unknown'], ...special('<bos>', '<eos>', '<pad>'), ...byteEntries, ...letters],
    { unknown: 0, bos: 1, eos: 2, padding: 3 },
  ),
}

/** The same model with another vocabulary; its embeddings have as many rows. */
export function withVocabulary({ metadata, tensors }: ModelPlan, name: string): ModelPlan {
  const { size, values } = vocabularies[name] ?? { size: 0, values: {} }
  const others = Object.entries(metadata).filter(([key]) => !key.startsWith('tokenizer.ggml.'))
  const own = Object.entries(values).map(([key, value]): [string, Value] => [`tokenizer.ggml.${key}`, value])
  const sized = others.map(([key, value]): [string, Value] => [key, key.endsWith('.vocab_size') ? u32(size) : value])
  return {
    metadata: Object.fromEntries([...sized, ...own, ['tokenizer.ggml.add_bos_token', bool(false)]]),
    tensors: tensors.map((tensor) =>
      ['token_embd.weight', 'output.weight'].includes(tensor.name)
        ? { ...tensor, shape: [tensor.shape[0] ?? 0, size] }
        : tensor,
    ),
  }
}
