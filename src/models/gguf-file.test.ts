import { copyFile, mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { gguf } from '@huggingface/gguf'
import { cpuMs } from '../../test/support/cpu-time.ts'
import {
  bool,
  f32,
  i32s,
  smallModel,
  smallTensors,
  strings,
  text,
  u16,
  u32,
  u32s,
} from '../../test/support/gguf-writer.ts'
import { writeGguf } from '../../test/support/gguf-writer.ts'
import type { TensorSpec, Value } from '../../test/support/gguf-writer.ts'
import { inspectGguf } from './gguf-file.ts'
import { embeddedModelPath } from './reference.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dynts-gguf-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function write(content: Buffer | string, name = 'model.gguf'): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, content)
  return path
}
const failure = (code: string, message: RegExp) =>
  expect.objectContaining({ name: 'InputError', code, message: expect.stringMatching(message) as string }) as Error

describe('the embedded model', () => {
  test('its facts', async () => {
    const info = await inspectGguf(embeddedModelPath())
    expect(info).toMatchObject({
      architecture: 'qwen2',
      name: 'dynts tiny reasoner',
      quantization: 'F16',
      layers: 6,
      hiddenSize: 256,
      heads: 4,
      kvHeads: 2,
      kvHeadsByLayer: [2, 2, 2, 2, 2, 2],
      keyLength: 64,
      valueLength: 64,
      feedForward: 448,
      vocabularySize: 768,
      trainedContext: 4096,
      tokenizer: { model: 'gpt2', pre: 'gpt-2', eosId: 0, addBos: false },
    })
    expect(info.chatTemplate).toContain('<|user|>')
    expect(info.architectureValues.get('rope.freq_base')).toBe(10_000)
  })

  test('agrees with @huggingface/gguf on every tensor', async () => {
    const info = await inspectGguf(embeddedModelPath())
    const peer = await gguf(embeddedModelPath(), { allowLocalFile: true })
    expect(info.tensors.map(({ name, shape, offset }) => ({ name, shape, offset }))).toEqual(
      peer.tensorInfos.map(({ name, shape, offset }) => ({
        name,
        shape: shape.map(Number),
        offset: Number(offset + peer.tensorDataOffset),
      })),
    )
  })
})

test('a name is shown without what would steer a terminal', async () => {
  const named = async (name: string) =>
    (await inspectGguf(await write(writeGguf(smallModel({ 'general.name': text(name) }), smallTensors)))).name
  expect(await named('a\u001B[31m model\u0007\u202E')).toBe('a[31m model')
  expect(await named('\u001B')).toBe('model')
})

describe('files that are no GGUF', () => {
  test('a missing file', async () => {
    await expect(inspectGguf(join(folder, 'none.gguf'))).rejects.toThrow(failure('model_not_found', /none\.gguf/))
  })
  test('a folder', async () => {
    await expect(inspectGguf(folder)).rejects.toThrow(failure('not_a_file', /folder/))
  })
  test('an empty file', async () => {
    await expect(inspectGguf(await write(''))).rejects.toThrow(failure('not_gguf', /empty/))
  })
  test('a text file named .gguf', async () => {
    await expect(inspectGguf(await write('hello\n'))).rejects.toThrow(failure('not_gguf', /not a GGUF file/))
  })
  test('a Git LFS pointer and a web page are recognised', async () => {
    const pointer = 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n'
    await expect(inspectGguf(await write(pointer))).rejects.toThrow(failure('not_gguf', /LFS pointer/))
    await expect(inspectGguf(await write('<!doctype html>'))).rejects.toThrow(failure('not_gguf', /web page/))
  })
  test.each([
    [1, /version 1/],
    [4, /version 4/],
    [0x03000000, /big-endian/],
  ])('version %i', async (version, message) => {
    const bytes = writeGguf(smallModel(), smallTensors)
    bytes.writeUInt32LE(version, 4)
    await expect(inspectGguf(await write(bytes))).rejects.toThrow(failure('unsupported_gguf', message))
  })
})

describe('damaged files', () => {
  test('cut off anywhere: says where, and how many bytes are there', async () => {
    const bytes = writeGguf(smallModel({ 'tokenizer.chat_template': text('x'.repeat(5000)) }), smallTensors)
    const path = await write(bytes)
    const lastName = 'blk.1.attn_norm.weight'
    // Behind a name: number of dimensions, the one dimension, type, offset.
    const headerEnd = bytes.indexOf(lastName) + lastName.length + 4 + 8 + 4 + 8
    const shown = (count: number) => (count < 1024 ? `${count} B` : `${(count / 1024).toFixed(1)} KiB`)
    const sizes = Array.from({ length: bytes.length - 1 }, (_, i) => i + 1)
    for (const size of sizes.filter((one) => one < 40 || one % 11 === 0).reverse()) {
      await truncate(path, size)
      const missing = ` of ${shown(bytes.length)}, and ${shown(bytes.length - size)} of them are missing`
      const [where, more] = size < headerEnd ? ['header, in [^:]+', ''] : ['weights', missing]
      const said = RegExp(`is cut off within its ${where}: it has ${shown(size)}${more}\\. Download it again\\.$`)
      await expect(inspectGguf(path)).rejects.toThrow(failure('truncated_gguf', said))
    }
  })
  test('cut off in the weights: says how many bytes are missing', async () => {
    const path = join(folder, 'cut.gguf')
    await copyFile(embeddedModelPath(), path)
    await truncate(path, 7_324_288 - 1000)
    await expect(inspectGguf(path)).rejects.toThrow(
      failure(
        'truncated_gguf',
        /cut off within its weights: it has 7\.0 MiB of 7\.0 MiB, and 1000 B of them are missing\./,
      ),
    )
  })

  const lies: [string, (bytes: Buffer) => void][] = [
    ['number of tensors', (b) => b.writeBigUInt64LE(2n ** 63n, 8)],
    ['number of tensors, plausible', (b) => b.writeBigUInt64LE(19_000n, 8)],
    ['number of keys', (b) => b.writeBigUInt64LE(2n ** 40n, 16)],
    ['number of keys, plausible', (b) => b.writeBigUInt64LE(9_000n, 16)],
    ['length of a key', (b) => b.writeBigUInt64LE(2n ** 62n, 24)],
    ['length of a key, plausible', (b) => b.writeBigUInt64LE(3000n, 24)],
    ['length of a text', (b) => b.writeBigUInt64LE(2n ** 32n, 24 + 8 + 20 + 4)],
    ['length of a list', (b) => b.writeBigUInt64LE(2n ** 50n, b.indexOf('tokenizer.ggml.tokens') + 21 + 8)],
    ['length of a number list', (b) => b.writeBigUInt64LE(2n ** 50n, b.indexOf('tokenizer.ggml.token_type') + 25 + 8)],
    ['type of a value', (b) => b.writeUInt32LE(13, 24 + 8 + 20)],
    ['type of a list', (b) => b.writeUInt32LE(9, b.indexOf('tokenizer.ggml.tokens') + 21 + 4)],
  ]
  test.each(lies)('a lie about the %s', async (_, lie) => {
    const bytes = writeGguf(smallModel(), smallTensors)
    lie(bytes)
    await expect(inspectGguf(await write(bytes))).rejects.toThrow(
      expect.objectContaining({
        name: 'InputError',
        code: expect.stringMatching(/(invalid|truncated)_gguf/) as string,
      }),
    )
  })

  const tensors: [string, TensorSpec, RegExp][] = [
    ['dimensions that overflow', { name: 'x', shape: [2 ** 31, 2 ** 31, 2 ** 31] }, /shape/],
    ['a dimension of 2^64 - 1', { name: 'x', shape: [2n ** 64n - 1n] }, /no file can hold/],
    ['an empty dimension', { name: 'x', shape: [0, 4] }, /shape/],
    ['five dimensions', { name: 'x', shape: [1, 1, 1, 1, 1] }, /5 dimensions/],
    ['an unknown type', { name: 'x', shape: [32], type: 4 }, /type 4/],
    ['rows that do not fill blocks', { name: 'x', shape: [48, 4], type: 8 }, /multiple of Q8_0/],
    ['an offset that overlaps', { name: 'x', shape: [32], offset: 0 }, /starts at 0 instead of/],
    ['an offset that is not aligned', { name: 'x', shape: [32], offset: 2305 }, /starts at 2305/],
    ['an offset beyond everything', { name: 'x', shape: [32], offset: 2 ** 50 }, /starts at/],
    ['a name twice', { name: 'token_embd.weight', shape: [32, 16] }, /there twice/],
    ['a name that is too long', { name: 'x'.repeat(64), shape: [32] }, /too long/],
  ]
  test.each(tensors)('a tensor with %s', async (_, tensor, message) => {
    const bytes = writeGguf(smallModel(), [...smallTensors, tensor])
    await expect(inspectGguf(await write(bytes))).rejects.toThrow(failure('invalid_gguf', message))
  })
  test('weights larger than the file', async () => {
    const bytes = writeGguf(smallModel(), [...smallTensors, { name: 'x', shape: [2 ** 30, 2 ** 10] }])
    await expect(inspectGguf(await write(bytes))).rejects.toThrow(
      failure('truncated_gguf', /it has .* of 4\.0 TiB, and 4\.0 TiB of them are missing/),
    )
  })
})

describe('models that contradict themselves', () => {
  const cases: [string, Record<string, Value | undefined>, RegExp][] = [
    ['no architecture', { 'general.architecture': undefined }, /architecture/],
    ['no layers', { 'qwen2.block_count': u32(0) }, /block_count is 0/],
    ['more layers than weights', { 'qwen2.block_count': u32(3) }, /3 layers but has weights for 2/],
    ['fewer layers than weights', { 'qwen2.block_count': u32(1) }, /1 layers but has weights for 2/],
    ['too many layers', { 'qwen2.block_count': u32(100_000) }, /100000 layers/],
    ['a hidden size that is not the embeddings', { 'qwen2.embedding_length': u32(64) }, /32 columns/],
    ['no hidden size', { 'qwen2.embedding_length': undefined }, /embedding_length is missing/],
    ['no context', { 'qwen2.context_length': u32(0) }, /context_length is 0/],
    ['no heads', { 'qwen2.attention.head_count': u32(0) }, /no attention heads/],
    ['heads that cannot share', { 'qwen2.attention.head_count_kv': u32(3) }, /4 heads of layer 0 cannot share 3/],
    [
      'heads of another number of layers',
      { 'qwen2.attention.head_count_kv': u32s([2, 2, 2]) },
      /3 values for 2 layers/,
    ],
    ['more heads than elements', { 'qwen2.attention.head_count': u32(64) }, /no size/],
    ['an odd rotary length', { 'qwen2.rope.dimension_count': u32(7) }, /rotary/],
    ['a rotary length beyond the keys', { 'qwen2.rope.dimension_count': u32(16) }, /rotary/],
    [
      'rotary sections without a size',
      { 'qwen2.rope.dimension_count': u32(0), 'qwen2.rope.dimension_sections': i32s([1, 1, 2, 0]) },
      /sections and no size/,
    ],
    ['values of another length', { 'qwen2.attention.value_length': u32(4) }, /do not go together/],
    ['a text for a number', { 'qwen2.block_count': text('2') }, /not a whole number/],
    ['a negative epsilon', { 'qwen2.attention.layer_norm_rms_epsilon': f32(-1) }, /negative/],
    ['an epsilon that is no number', { 'qwen2.attention.layer_norm_rms_epsilon': f32(NaN) }, /finite/],
    ['an unknown rope scaling', { 'qwen2.rope.scaling.type': text('spiral') }, /rope scaling/],
    ['experts that are not there', { 'qwen2.expert_used_count': u32(2) }, /experts/],
    ['an output of another size', { 'qwen2.embedding_length_out': u32(64) }, /output of 64/],
    ['no vocabulary', { 'tokenizer.ggml.tokens': undefined }, /no vocabulary/],
    ['a vocabulary that is not the embeddings', { 'tokenizer.ggml.tokens': strings(['a', 'b']) }, /16 rows/],
    ['a token twice', { 'tokenizer.ggml.tokens': strings(new Array<string>(16).fill('a')) }, /same token twice/],
    [
      'a token twice for C',
      { 'tokenizer.ggml.tokens': strings(Array.from({ length: 16 }, (_, i) => (i < 2 ? `a\0${i}` : `t${i}`))) },
      /same token twice/,
    ],
    ['too few token types', { 'tokenizer.ggml.token_type': i32s([1]) }, /1 values for 16 tokens/],
    ['no tokenizer', { 'tokenizer.ggml.model': undefined }, /no tokenizer/],
    ['a small alignment', { 'general.alignment': u32(8) }, /alignment/],
    ['a crooked alignment', { 'general.alignment': u32(48) }, /alignment/],
  ]
  test.each(cases)('%s', async (_, changes, message) => {
    const path = await write(writeGguf(smallModel(changes), smallTensors))
    await expect(inspectGguf(path)).rejects.toThrow(failure('invalid_gguf', message))
  })

  test.each([
    ['token_embd.weight', [32, 16], 26, 'I32'],
    ['blk.1.attn_norm.weight', [32], 26, 'I32'],
    ['blk.1.attn_norm.weight', [32], 1, 'F16'],
    ['blk.1.attn_q.bias', [32, 1], 8, 'Q8_0'],
  ])('%s %j of type %i', async (name, shape, type, label) => {
    const others = smallTensors.filter((tensor) => tensor.name !== name)
    const path = await write(writeGguf(smallModel(), [...others, { name, shape, type }]))
    await expect(inspectGguf(path)).rejects.toThrow(failure('invalid_gguf', new RegExp(`${name} are of type ${label}`)))
  })

  test('the unchanged model is fine', async () => {
    const path = await write(writeGguf(smallModel({ 'qwen2.attention.head_count_kv': u32s([2, 4]) }), smallTensors))
    await expect(inspectGguf(path)).resolves.toMatchObject({ kvHeads: 4, kvHeadsByLayer: [2, 4], quantization: 'F32' })
  })
  test('a predictor is not a language model', async () => {
    const path = await write(writeGguf({ 'general.architecture': text('dynts-predictor') }, smallTensors))
    await expect(inspectGguf(path)).rejects.toThrow(failure('not_a_language_model', /importance predictor/))
  })
})

describe('SentencePiece', () => {
  const bytes = Array.from({ length: 256 }, (_, i) => `<0x${i.toString(16).toUpperCase().padStart(2, '0')}>`)
  const spm = (tokens: readonly string[]) =>
    writeGguf(
      smallModel({
        'tokenizer.ggml.model': text('llama'),
        'tokenizer.ggml.tokens': strings(tokens),
        'tokenizer.ggml.token_type': i32s(new Array<number>(tokens.length).fill(1)),
      }),
      smallTensors.map((tensor) =>
        tensor.name === 'token_embd.weight' ? { ...tensor, shape: [32, tokens.length] } : tensor,
      ),
    )

  test('has a token for each byte, by its number or by itself', async () => {
    await expect(inspectGguf(await write(spm([...bytes, 'a'])))).resolves.toMatchObject({ vocabularySize: 257 })
    const own = bytes.map((name, byte) => (byte === 10 ? '\n' : name))
    await expect(inspectGguf(await write(spm(own)))).resolves.toMatchObject({ vocabularySize: 256 })
  })

  test('that lacks one is refused: the text that needs it would end the process', async () => {
    const lacking = bytes.filter((name) => name !== '<0x0A>')
    await expect(inspectGguf(await write(spm(lacking)))).rejects.toThrow(
      failure('invalid_gguf', /its vocabulary has no token <0x0A>/),
    )
  })
})

describe('RWKV', () => {
  const rwkv = (tokens: readonly string[]) =>
    writeGguf(
      smallModel({
        'tokenizer.ggml.model': text('rwkv'),
        'tokenizer.ggml.tokens': strings(tokens),
        'tokenizer.ggml.token_type': i32s(new Array<number>(tokens.length).fill(1)),
      }),
      smallTensors.map((tensor) =>
        tensor.name === 'token_embd.weight' ? { ...tensor, shape: [32, tokens.length] } : tensor,
      ),
    )

  test.each([[['<s>', '<', '\\n', '\\x0bab', '\\x0b', '\\\\a', '\\\\']], [['<s>', '\\x3c']]])(
    'has a token for each byte that tokens begin with: %j',
    async (tokens) => {
      await expect(inspectGguf(await write(rwkv(tokens)))).resolves.toMatchObject({ vocabularySize: tokens.length })
    },
  )

  test.each([
    [['<s>'], 60],
    [['<s>', '<', '\\nb'], 10],
    [['<s>', '<', '\\x0bb', 'b'], 11],
  ])('that lacks one is refused: a text that begins so would hang: %j', async (tokens, byte) => {
    await expect(inspectGguf(await write(rwkv(tokens)))).rejects.toThrow(
      failure('invalid_gguf', new RegExp(`begins with the byte ${byte}, and none for it`)),
    )
  })
})

describe('a BOS token that texts are to begin with', () => {
  const few = strings(Array.from({ length: 8 }, (_, i) => `token${i}`))
  const model = (tokenizer: string, changes: Record<string, Value> = {}) => {
    const asked = { 'tokenizer.ggml.model': text(tokenizer), 'tokenizer.ggml.add_bos_token': bool(true), ...changes }
    const tokens = changes['tokenizer.ggml.tokens'] === few ? 8 : 16
    const tensors = smallTensors.map((tensor) =>
      tensor.name === 'token_embd.weight' ? { ...tensor, shape: [32, tokens] } : tensor,
    )
    return writeGguf(smallModel(asked), tensors)
  }

  test.each<[string, Record<string, Value>]>([
    ['t5', {}],
    ['gemma4', {}],
    // Token 101 is llama.cpp's own.
    ['bert', {}],
    // Token 11.
    ['gpt2', { 'tokenizer.ggml.tokens': few }],
    ['t5', { 'tokenizer.ggml.bos_token_id': u32(16) }],
  ])('%s without one is refused: %j', async (tokenizer, changes) => {
    await expect(inspectGguf(await write(model(tokenizer, changes)))).rejects.toThrow(
      failure('invalid_gguf', /begin with a BOS token .* its vocabulary has none/),
    )
  })

  test.each<[string, Record<string, Value>]>([
    ['t5', { 'tokenizer.ggml.bos_token_id': u32(3) }],
    ['gpt2', {}],
    ['gpt2', { 'tokenizer.ggml.bos_token_id': u32(3), 'tokenizer.ggml.tokens': few }],
    ['gpt2', { 'tokenizer.ggml.add_bos_token': bool(false), 'tokenizer.ggml.tokens': few }],
  ])('%s with one, or that asks for none, is not: %j', async (tokenizer, changes) => {
    await expect(inspectGguf(await write(model(tokenizer, changes)))).resolves.toMatchObject({ architecture: 'qwen2' })
  })
})

describe('other files', () => {
  test.each<[string, Record<string, Value>, RegExp]>([
    ['a LoRA adapter', { 'general.type': text('adapter') }, /is a LoRA adapter/],
    ['an importance matrix', { 'general.type': text('imatrix') }, /is an importance matrix/],
    ['an embedding model', { 'qwen2.pooling_type': u32(3) }, /is an embedding model \(qwen2\.pooling_type\)/],
  ])('%s', async (_name, values, message) => {
    const path = await write(writeGguf(smallModel(values), smallTensors))
    await expect(inspectGguf(path)).rejects.toThrow(failure('not_a_language_model', message))
  })

  test('a vocabulary alone', async () => {
    const path = await write(writeGguf(smallModel(), []))
    await expect(inspectGguf(path)).rejects.toThrow(failure('not_a_language_model', /no weights, only the description/))
  })

  test('a model that says that it is one, and pools nothing', async () => {
    const values = { 'general.type': text('model'), 'qwen2.pooling_type': u32(0) }
    const path = await write(writeGguf(smallModel(values), smallTensors))
    await expect(inspectGguf(path)).resolves.toMatchObject({ architecture: 'qwen2' })
  })
})

describe('split models', () => {
  const split = (index: number, of = 2): Record<string, Value> => ({
    'split.no': u16(index),
    'split.count': u16(of),
    'split.tensors.count': { type: 'i32', value: 3 },
  })
  const first = () => writeGguf({ ...smallModel(), ...split(0) }, smallTensors.slice(0, 2))
  const second = () => writeGguf(split(1), smallTensors.slice(2))
  const name = (index: number) => `s-0000${index}-of-00002.gguf`

  test('all parts are read', async () => {
    await mkdir(join(folder, 'split'))
    const path = await write(first(), `split/${name(1)}`)
    const other = await write(second(), `split/${name(2)}`)
    const info = await inspectGguf(path)
    expect(info.paths).toEqual([path, other])
    expect(info.tensors).toHaveLength(3)
    await expect(inspectGguf(other)).rejects.toThrow(failure('not_first_part', /Give .*s-00001-of/))
  })
  test('a part is missing', async () => {
    await mkdir(join(folder, 'missing'))
    const path = await write(first(), `missing/${name(1)}`)
    await expect(inspectGguf(path)).rejects.toThrow(
      failure('missing_part', /first of 2 parts, and part 2 is not beside it: .*00002-of-00002.gguf is missing/),
    )
  })
  test('a part has the wrong name', async () => {
    await expect(inspectGguf(await write(first(), 'renamed.gguf'))).rejects.toThrow(failure('invalid_gguf', /00001-of/))
  })
  test('a part of another place', async () => {
    await mkdir(join(folder, 'swapped'))
    const path = await write(first(), `swapped/${name(1)}`)
    await write(writeGguf(split(0), smallTensors.slice(2)), `swapped/${name(2)}`)
    await expect(inspectGguf(path)).rejects.toThrow(failure('invalid_gguf', /is not its part 2/))
  })
})

test('a vocabulary of 150,000 tokens is read without delay', async () => {
  const tokens = Array.from({ length: 151_936 }, (_, i) => `tok${i}xyz`)
  const changes = {
    'tokenizer.ggml.tokens': strings(tokens),
    'tokenizer.ggml.merges': strings(tokens.map((token) => `${token} x`)),
    'tokenizer.ggml.token_type': i32s(new Array<number>(tokens.length).fill(1)),
    'tokenizer.ggml.add_bos_token': bool(false),
  }
  const embedding = { name: 'token_embd.weight', shape: [32, tokens.length], type: 8 }
  const path = await write(writeGguf(smallModel(changes), [embedding, ...smallTensors.slice(1)]), 'large.gguf')
  const start = process.cpuUsage()
  const info = await inspectGguf(path)
  expect(cpuMs(start)).toBeLessThan(15_000)
  expect(info.vocabularySize).toBe(151_936)
})
