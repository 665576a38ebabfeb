/**
 * A file that llama.cpp does not survive: one whose architecture is not proven is tried in a process of its own.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { f32, i32s, strings, text, u32, writeGguf, type TensorSpec, type Value } from '../support/gguf-writer.ts'
import { dynts, refusal, scratch } from './run-dynts.ts'

const vocabulary = 32

/** GPT-2 with hidden size 32 and 4 heads; llama.cpp asserts that a head has 8 elements when it computes the first token. */
function gpt2(values: Record<string, Value> = {}): Buffer {
  const metadata: Record<string, Value> = {
    'general.architecture': text('gpt2'),
    'gpt2.block_count': u32(1),
    'gpt2.context_length': u32(1024),
    'gpt2.embedding_length': u32(32),
    'gpt2.feed_forward_length': u32(64),
    'gpt2.attention.head_count': u32(4),
    'gpt2.attention.layer_norm_epsilon': f32(1e-5),
    'tokenizer.ggml.model': text('gpt2'),
    'tokenizer.ggml.pre': text('qwen2'),
    'tokenizer.ggml.tokens': strings(Array.from({ length: vocabulary }, (_, i) => String.fromCharCode(97 + i))),
    'tokenizer.ggml.token_type': i32s(new Array<number>(vocabulary).fill(1)),
    'tokenizer.ggml.merges': strings(['a b']),
    'tokenizer.ggml.eos_token_id': u32(vocabulary - 1),
    ...values,
  }
  const both = (name: string, shape: number[]): TensorSpec[] => [
    { name: `${name}.weight`, shape },
    { name: `${name}.bias`, shape: shape.slice(-1) },
  ]
  return writeGguf(metadata, [
    { name: 'token_embd.weight', shape: [32, vocabulary] },
    { name: 'position_embd.weight', shape: [32, 1024] },
    ...both('output_norm', [32]),
    ...both('blk.0.attn_norm', [32]),
    ...both('blk.0.attn_qkv', [32, 96]),
    ...both('blk.0.attn_output', [32, 32]),
    ...both('blk.0.ffn_norm', [32]),
    ...both('blk.0.ffn_up', [32, 64]),
    ...both('blk.0.ffn_down', [64, 32]),
  ])
}

beforeAll(() => {
  writeFileSync(join(scratch, 'gpt2.gguf'), gpt2())
  writeFileSync(join(scratch, 'gpt2-broken.gguf'), gpt2({ 'gpt2.attention.key_length': u32(16) }))
})

const run = (model: string) => dynts(['run', '--model', model, '--policy', 'full', '-n', '3', 'abc'])

test('a whole one runs', async () => {
  const { code, stderr } = await run('gpt2.gguf')
  expect({ code, stderr }).toMatchObject({ code: 0 })
  expect(stderr).toMatch(/^ended by +length$/m)
})

test('one that would end the process is refused in one line, each time', async () => {
  for (let i = 0; i < 2; i++) {
    const { stderr, ...finished } = await run('gpt2-broken.gguf')
    const line = stderr.split('\n').filter((text) => text.startsWith('dynts: '))
    expect(refusal({ ...finished, stderr: `${line.join('\n')}\n` })).toMatch(/does not survive it \(.*GGML_ASSERT/)
  }
})
