/** Breaks a small model's file in one to three places, by its structure: values, types, vocabularies, tensors, parts, bytes. */
import type { ModelPlan } from '../support/families.ts'
import { writeRandomGguf, type TensorSpec, type Value } from '../support/gguf-writer.ts'
import { architectures } from './architectures.ts'

export interface Mutation {
  /** One, or the parts of a split model in their order; undefined: that one is missing. */
  readonly files: readonly (Buffer | undefined)[]
  /** What was done, for people. */
  readonly done: readonly string[]
}

/** A random number from 0 to 1. */
type Random = () => number

interface Draft {
  metadata: Record<string, Value>
  tensors: TensorSpec[]
  /** Into how many files it is split. */
  parts: number
  /** What is done to one of the files. */
  bytes: ((file: Buffer) => Buffer)[]
  /** What is done to the list of files. */
  order: ((files: readonly (Buffer | undefined)[]) => (Buffer | undefined)[])[]
  /** Of parts behind the first. */
  partMetadata: (part: number) => Record<string, Value>
}

const numbers = [0, 1, 2, 3, 7, 13, 64, 255, 1000, 2 ** 16, 2 ** 24, 2 ** 31 - 1, 2 ** 32 - 1]
const reals = [0, -1, 1e-30, 1e30, NaN, Infinity]
const texts = ['', 'x', 'none', 'a'.repeat(100_000), '\u0000', '{{', '{% for i in range(1000000000) %}x{% endfor %}']
const tokenizers = ['llama', 'bert', 't5', 'rwkv', 'plamo2', 'gemma4', 'gpt2', 'no_vocab', 'none']
const preTokenizers = ['default', 'llama-bpe', 'deepseek-r1-qwen', 'gpt-4o', 'kimi-k2', 'unknown']
const tensorTypes = [0, 1, 2, 6, 8, 12, 14, 16, 24, 26, 28, 30, 39, 100]
const oddTokens = ['', '<0x0A>', '<unk>', '<think>', '\n', ' ', '\u2581', 'a'.repeat(1000)]

/** @returns the files and what was done to them: the same for the same plan and random numbers */
export function mutate({ metadata, tensors }: ModelPlan, random: Random): Mutation {
  const draft: Draft = {
    ...{ metadata: { ...metadata }, tensors: [...tensors] },
    ...{ parts: 1, bytes: [], order: [], partMetadata: () => ({}) },
  }
  const done: string[] = []
  const rounds = 1 + below(random, 3)
  for (let i = 0; i < rounds; i++) done.push(pick(random, mutations)(draft, random))
  const files = draft.order.reduce<(Buffer | undefined)[]>((list, change) => change(list), partsOf(draft))
  const broken = below(random, files.length)
  return {
    files: files.map((file, i) =>
      i === broken && file ? draft.bytes.reduce((bytes, change) => change(bytes), file) : file,
    ),
    done,
  }
}

function partsOf({ metadata, tensors, parts, partMetadata }: Draft): Buffer[] {
  const size = Math.ceil(tensors.length / parts)
  return Array.from({ length: parts }, (_, part) =>
    writeRandomGguf(part === 0 ? metadata : partMetadata(part), tensors.slice(part * size, (part + 1) * size)),
  )
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
    draft.bytes.push((given) => {
      const file = Buffer.from(given)
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
  split,
  split,
]

/** Into two or three files, most of them wrong in one way. */
function split(draft: Draft, random: Random): string {
  const parts = 2 + below(random, 2)
  const values = (part: number, count = parts, tensors = draft.tensors.length): Record<string, Value> => ({
    'split.no': { type: 'u16', value: part % 2 ** 16 },
    'split.count': { type: 'u16', value: count % 2 ** 16 },
    'split.tensors.count': { type: 'i32', value: tensors | 0 },
  })
  draft.parts = parts
  draft.partMetadata = (part) => values(part)
  Object.assign(draft.metadata, values(0))
  const last = parts - 1
  switch (below(random, 8)) {
    case 0:
      draft.order.push((files) => files.map((file, i) => (i === last ? undefined : file)))
      return `in ${parts} parts, the last missing`
    case 1:
      draft.order.push((files) => files.map((_, i) => files[last - i]))
      return `in ${parts} parts, in another order`
    case 2:
      draft.order.push((files) => files.map((file, i) => (i === last ? files[0] : file)))
      return `in ${parts} parts, the first twice`
    case 3: {
      const number = pick(random, numbers)
      draft.partMetadata = () => values(number)
      return `in ${parts} parts, numbered ${number}`
    }
    case 4: {
      const count = pick(random, numbers)
      Object.assign(draft.metadata, values(0, count))
      return `in ${parts} parts, said to be ${count}`
    }
    case 5: {
      const count = pick(random, numbers)
      Object.assign(draft.metadata, values(0, parts, count))
      return `in ${parts} parts, with ${count} tensors`
    }
    case 6:
      draft.partMetadata = (part) => ({ ...draft.metadata, ...values(part) })
      return `in ${parts} parts, each with all values`
    default:
      return `in ${parts} parts`
  }
}

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
