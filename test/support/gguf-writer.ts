/** Writes small GGUF files for tests, valid ones and broken ones. */
import { TENSOR_TYPES, VALUE_TYPE } from '../../src/models/gguf-types.ts'
import { mulberry32 } from '../../src/mulberry32.ts'

export type Value =
  | { readonly type: 'u16' | 'u32' | 'i32' | 'f32' | 'bool' | 'u64'; readonly value: number }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'strings'; readonly value: readonly string[] }
  | { readonly type: 'u32s' | 'i32s' | 'f32s'; readonly value: readonly number[] }

export interface TensorSpec {
  readonly name: string
  readonly shape: readonly (number | bigint)[]
  /** Number of the type; default 0 (F32). */
  readonly type?: number
  /** Of random weights. Default: 1 for a vector, 0 for a matrix. */
  readonly mean?: number
  /** Default: right behind the tensor before. */
  readonly offset?: number
}

export const u32 = (value: number): Value => ({ type: 'u32', value })
export const u16 = (value: number): Value => ({ type: 'u16', value })
export const f32 = (value: number): Value => ({ type: 'f32', value })
export const bool = (value: boolean): Value => ({ type: 'bool', value: value ? 1 : 0 })
export const text = (value: string): Value => ({ type: 'string', value })
export const strings = (value: readonly string[]): Value => ({ type: 'strings', value })
export const u32s = (value: readonly number[]): Value => ({ type: 'u32s', value })
export const f32s = (value: readonly number[]): Value => ({ type: 'f32s', value })
export const i32s = (value: readonly number[]): Value => ({ type: 'i32s', value })

function number(bytes: number, write: (buffer: Buffer) => void): Buffer {
  const buffer = Buffer.alloc(bytes)
  write(buffer)
  return buffer
}
const le32 = (value: number) => number(4, (b) => b.writeUInt32LE(value >>> 0))
const le64 = (value: number | bigint) => number(8, (b) => b.writeBigUInt64LE(BigInt(value)))
const str = (value: string) => Buffer.concat([le64(Buffer.byteLength(value)), Buffer.from(value)])

function encode(value: Value): Buffer {
  switch (value.type) {
    case 'u16':
      return Buffer.concat([le32(VALUE_TYPE.UINT16), number(2, (b) => b.writeUInt16LE(value.value))])
    case 'u32':
      return Buffer.concat([le32(VALUE_TYPE.UINT32), le32(value.value)])
    case 'i32':
      return Buffer.concat([le32(VALUE_TYPE.INT32), number(4, (b) => b.writeInt32LE(value.value))])
    case 'u64':
      return Buffer.concat([le32(VALUE_TYPE.UINT64), le64(value.value)])
    case 'f32':
      return Buffer.concat([le32(VALUE_TYPE.FLOAT32), number(4, (b) => b.writeFloatLE(value.value))])
    case 'bool':
      return Buffer.concat([le32(VALUE_TYPE.BOOL), Buffer.from([value.value])])
    case 'string':
      return Buffer.concat([le32(VALUE_TYPE.STRING), str(value.value)])
    case 'strings':
      return Buffer.concat([
        le32(VALUE_TYPE.ARRAY),
        le32(VALUE_TYPE.STRING),
        le64(value.value.length),
        ...value.value.map(str),
      ])
    case 'f32s':
      return Buffer.concat([
        le32(VALUE_TYPE.ARRAY),
        le32(VALUE_TYPE.FLOAT32),
        le64(value.value.length),
        ...value.value.map((one) => number(4, (b) => b.writeFloatLE(one))),
      ])
    default: {
      const type = value.type === 'u32s' ? VALUE_TYPE.UINT32 : VALUE_TYPE.INT32
      return Buffer.concat([le32(VALUE_TYPE.ARRAY), le32(type), le64(value.value.length), ...value.value.map(le32)])
    }
  }
}

/** A whole file; weights are zeros. */
export function writeGguf(metadata: Readonly<Record<string, Value>>, tensors: readonly TensorSpec[]): Buffer {
  const entries = Object.entries(metadata)
  const parts = [Buffer.from('GGUF'), le32(3), le64(tensors.length), le64(entries.length)]
  for (const [key, value] of entries) parts.push(str(key), encode(value))
  let data = 0
  for (const tensor of tensors) {
    const { name, shape, type = 0, offset } = tensor
    parts.push(str(name), le32(shape.length), ...shape.map(le64), le32(type), le64(offset ?? data))
    data += paddedBytes(tensor)
  }
  const header = Buffer.concat(parts)
  const padding = (32 - (header.length % 32)) % 32
  return Buffer.concat([header, Buffer.alloc(padding + (data < 2 ** 28 ? data : 0))])
}

/** The same with random float32 weights: matrices with mean 0, vectors (norms) near 1. */
export function writeRandomGguf(metadata: Readonly<Record<string, Value>>, tensors: readonly TensorSpec[]): Buffer {
  const file = writeGguf(metadata, tensors)
  const random = mulberry32(1)
  let at = file.length - tensors.reduce((sum, tensor) => sum + paddedBytes(tensor), 0)
  for (const tensor of tensors) {
    const { shape, mean = shape.length === 1 ? 1 : 0 } = tensor
    const end = at + paddedBytes(tensor)
    for (; at < end; at += 4) file.writeFloatLE((random() - 0.5) * 0.6 + mean, at)
  }
  return file
}

function paddedBytes({ shape, type = 0 }: TensorSpec): number {
  const kind = TENSOR_TYPES.get(type) ?? { blockElements: 1, blockBytes: 1 }
  const elements = shape.reduce<number>((product, size) => product * Number(size), 1)
  return Math.ceil(((elements / kind.blockElements) * kind.blockBytes) / 32) * 32
}

/** Metadata of a small valid Qwen2 model: 2 layers, hidden size 32, 4 heads of 8, 2 key-value heads, 16 tokens. */
export function smallModel(changes: Readonly<Record<string, Value | undefined>> = {}): Record<string, Value> {
  const all: Record<string, Value | undefined> = {
    'general.architecture': text('qwen2'),
    'general.name': text('small'),
    'general.file_type': u32(0),
    'qwen2.block_count': u32(2),
    'qwen2.context_length': u32(1024),
    'qwen2.embedding_length': u32(32),
    'qwen2.feed_forward_length': u32(64),
    'qwen2.attention.head_count': u32(4),
    'qwen2.attention.head_count_kv': u32(2),
    'qwen2.attention.layer_norm_rms_epsilon': f32(1e-6),
    'tokenizer.ggml.model': text('gpt2'),
    'tokenizer.ggml.pre': text('qwen2'),
    'tokenizer.ggml.tokens': strings(Array.from({ length: 16 }, (_, i) => `token${i}`)),
    'tokenizer.ggml.token_type': i32s(new Array<number>(16).fill(1)),
    'tokenizer.ggml.merges': strings(['t o']),
    'tokenizer.ggml.eos_token_id': u32(0),
    'tokenizer.chat_template': text('{{ messages }}'),
    ...changes,
  }
  return Object.fromEntries(Object.entries(all).filter((entry): entry is [string, Value] => entry[1] !== undefined))
}

export const smallTensors: readonly TensorSpec[] = [
  { name: 'token_embd.weight', shape: [32, 16] },
  { name: 'blk.0.attn_norm.weight', shape: [32] },
  { name: 'blk.1.attn_norm.weight', shape: [32] },
]

/**
 * A model's file with other metadata: a value that is there is overwritten by one of the same length, any other is added.
 */
export function withMetadata(model: Buffer, changes: Readonly<Record<string, Value>>): Buffer {
  const edited = Buffer.from(model)
  const added: Buffer[] = []
  for (const [key, value] of Object.entries(changes)) {
    const name = str(key)
    const at = edited.indexOf(name)
    if (at < 0) added.push(Buffer.concat([name, encode(value)]))
    else encode(value).copy(edited, at + name.length)
  }
  if (added.length === 0) return edited
  // Where the weights begin is a multiple of 32, and must stay so.
  const filler = (length: number) => Buffer.concat([str('test.filler'), encode(text('.'.repeat(length)))])
  const length = Buffer.concat([...added, filler(0)]).length
  const inserted = [...added, filler((32 - (length % 32)) % 32)]
  edited.writeBigUInt64LE(edited.readBigUInt64LE(16) + BigInt(inserted.length), 16)
  return Buffer.concat([edited.subarray(0, 24), ...inserted, edited.subarray(24)])
}
