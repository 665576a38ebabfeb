/** Breaks a small model's file in one to three places, by its structure: values, types, vocabularies, tensors, bytes. */
import type { ModelPlan } from '../support/families.ts'
import { writeRandomGguf, type TensorSpec, type Value } from '../support/gguf-writer.ts'
import { architectures } from './architectures.ts'

export interface Mutation {
  readonly file: Buffer
  /** What was done, for people. */
  readonly done: readonly string[]
}

/** A random number from 0 to 1. */
type Random = () => number

interface Draft {
  metadata: Record<string, Value>
  tensors: TensorSpec[]
  bytes: ((file: Buffer) => Buffer)[]
}

const numbers = [0, 1, 2, 3, 7, 13, 64, 255, 1000, 2 ** 16, 2 ** 24, 2 ** 31 - 1, 2 ** 32 - 1]
const reals = [0, -1, 1e-30, 1e30, NaN, Infinity]
const texts = ['', 'x', 'none', 'a'.repeat(100_000), '\u0000', '{{', '{% for i in range(1000000000) %}x{% endfor %}']
const tokenizers = ['llama', 'bert', 't5', 'rwkv', 'plamo2', 'gemma4', 'gpt2', 'no_vocab', 'none']
const preTokenizers = ['default', 'llama-bpe', 'deepseek-r1-qwen', 'gpt-4o', 'kimi-k2', 'unknown']
const tensorTypes = [0, 1, 2, 6, 8, 12, 14, 16, 24, 26, 28, 30, 39, 100]
const oddTokens = ['', '<0x0A>', '<unk>', '<think>', '\n', ' ', '\u2581', 'a'.repeat(1000)]

/** @returns the file and what was done to it: the same for the same plan and random numbers */
export function mutate({ metadata, tensors }: ModelPlan, random: Random): Mutation {
  const draft: Draft = { metadata: { ...metadata }, tensors: [...tensors], bytes: [] }
  const done: string[] = []
  const rounds = 1 + below(random, 3)
  for (let i = 0; i < rounds; i++) done.push(pick(random, mutations)(draft, random))
  const file = writeRandomGguf(draft.metadata, draft.tensors)
  return { file: draft.bytes.reduce((bytes, change) => change(bytes), file), done }
}

const below = (random: Random, count: number) => Math.floor(random() * count)
function pick<T>(random: Random, list: readonly T[]): T {
  const one = list[below(random, list.length)]
  if (one === undefined) throw new Error('there is nothing to pick from')
  return one
}
const keyOf = (draft: Draft, random: Random, belongs: (key: string) => boolean = () => true) =>
  pick(random, Object.keys(draft.metadata).filter(belongs))

const mutations: readonly ((draft: Draft, random: Random) => string)[] = [
  (draft, random) => {
    const key = keyOf(draft, random)
    draft.metadata = Object.fromEntries(Object.entries(draft.metadata).filter(([name]) => name !== key))
    return `without ${key}`
  },
  changeValue,
  changeValue,
  changeValue,
  (draft, random) => {
    const key = keyOf(draft, random, (name) => name !== 'general.architecture')
    draft.metadata[key] = pick<Value>(random, [
      { type: 'string', value: pick(random, texts) },
      { type: 'u32', value: pick(random, numbers) },
      { type: 'bool', value: 1 },
      { type: 'u32s', value: [1, 2, 3] },
      { type: 'strings', value: ['a'] },
    ])
    return `${key} of another type`
  },
  (draft, random) => {
    const key = pick(random, [
      'tokenizer.ggml.bos_token_id',
      'tokenizer.ggml.eos_token_id',
      'tokenizer.ggml.unknown_token_id',
    ])
    draft.metadata[key] = { type: 'u32', value: pick(random, numbers) }
    return `another ${key}`
  },
  (draft, random) => {
    draft.metadata['tokenizer.ggml.model'] = { type: 'string', value: pick(random, tokenizers) }
    draft.metadata['tokenizer.ggml.add_bos_token'] = { type: 'bool', value: 1 }
    return 'another tokenizer'
  },
  (draft, random) => {
    draft.metadata['tokenizer.ggml.pre'] = { type: 'string', value: pick(random, preTokenizers) }
    return 'another pre-tokenizer'
  },
  (draft, random) => {
    draft.metadata['tokenizer.chat_template'] = { type: 'string', value: pick(random, texts) }
    return 'another template'
  },
  changeVocabulary,
  (draft, random) => {
    const name = pick(random, architectures)
    const old = draft.metadata['general.architecture']?.value
    const renamed = Object.entries(draft.metadata).map(([key, value]): [string, Value] => [
      key.startsWith(`${String(old)}.`) ? `${name}.${key.slice(String(old).length + 1)}` : key,
      value,
    ])
    draft.metadata = { ...Object.fromEntries(renamed), 'general.architecture': { type: 'string', value: name } }
    return `as ${name}`
  },
  (draft, random) => {
    const at = below(random, draft.tensors.length)
    const [gone] = draft.tensors.splice(at, 1)
    return `without ${gone?.name ?? ''}`
  },
  (draft, random) => {
    const one = pick(random, draft.tensors)
    const shape = one.shape.map((size) => (random() < 0.5 ? size : pick(random, [1, 2, 16, 31, 32, 64, 96, 128])))
    draft.tensors = draft.tensors.map((tensor) => (tensor === one ? { ...tensor, shape } : tensor))
    return `${one.name} of shape ${shape.join(' x ')}`
  },
  (draft, random) => {
    const one = pick(random, draft.tensors)
    const type = pick(random, tensorTypes)
    draft.tensors = draft.tensors.map((tensor) => (tensor === one ? { ...tensor, type } : tensor))
    return `${one.name} of type ${type}`
  },
  (draft, random) => {
    draft.tensors = draft.tensors.concat(pick(random, draft.tensors))
    return 'a tensor twice'
  },
  (draft, random) => {
    const share = random()
    draft.bytes.push((file) => file.subarray(0, Math.floor(file.length * share)))
    return `cut at ${Math.round(share * 100)} %`
  },
  (draft, random) => {
    const flips = Array.from({ length: 1 + below(random, 8) }, () => [random(), below(random, 256)] as const)
    draft.bytes.push((file) => {
      for (const [share, byte] of flips) file[Math.floor(Math.min(file.length, 4096) * share)] = byte
      return file
    })
    return `${flips.length} bytes of the header`
  },
  (draft, random) => {
    draft.metadata['split.no'] = { type: 'u16', value: below(random, 3) }
    draft.metadata['split.count'] = { type: 'u16', value: below(random, 4) }
    return 'as a part of a split model'
  },
]

function changeValue(draft: Draft, random: Random): string {
  const own = keyOf(draft, random, (key) => !key.startsWith('tokenizer.') && key !== 'general.architecture')
  const value = draft.metadata[own]
  if (value?.type === 'f32') draft.metadata[own] = { ...value, value: pick(random, reals) }
  else if (value?.type === 'u32s')
    draft.metadata[own] = { ...value, value: value.value.map(() => pick(random, numbers)) }
  else draft.metadata[own] = { type: 'u32', value: pick(random, numbers) }
  return `another ${own}`
}

function changeVocabulary(draft: Draft, random: Random): string {
  const tokens = draft.metadata['tokenizer.ggml.tokens']
  const types = draft.metadata['tokenizer.ggml.token_type']
  if (tokens?.type !== 'strings' || types?.type !== 'i32s') return 'nothing'
  const list = [...tokens.value]
  switch (below(random, 4)) {
    case 0:
      list.length = below(random, list.length)
      break
    case 1:
      list.push(...list)
      break
    case 2:
      for (let i = 0; i < 4; i++) list[below(random, list.length)] = pick(random, oddTokens)
      break
    default:
      draft.metadata['tokenizer.ggml.token_type'] = { type: 'i32s', value: types.value.map(() => below(random, 9) - 1) }
      draft.metadata['tokenizer.ggml.scores'] = { type: 'i32s', value: types.value.map(() => 0) }
  }
  draft.metadata['tokenizer.ggml.tokens'] = { type: 'strings', value: list }
  return `a vocabulary of ${list.length}`
}
