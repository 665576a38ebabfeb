/** What `dynts serve` says of memory before it loads anything, beside what its two processes come to take. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { f32, i32s, smallModel, strings, text, u32, writeGguf, type TensorSpec } from '../support/gguf-writer.ts'
import { scratch } from '../support/scratch.ts'
import { startDyntsServe, until, type DyntsServer } from './start-dynts-serve.ts'

/** A model of zeros with a vocabulary as large as Qwen2.5's. */
function largeVocabulary(): string {
  const [size, hidden, feedForward, heads, kvHeads] = [152_064, 256, 1024, 4, 2]
  const path = join(scratch, 'large-vocabulary.gguf')
  const metadata = smallModel({
    'general.architecture': text('llama'),
    'llama.block_count': u32(1),
    'llama.context_length': u32(8192),
    'llama.embedding_length': u32(hidden),
    'llama.feed_forward_length': u32(feedForward),
    'llama.attention.head_count': u32(heads),
    'llama.attention.head_count_kv': u32(kvHeads),
    'llama.attention.layer_norm_rms_epsilon': f32(1e-6),
    'tokenizer.ggml.tokens': strings(Array.from({ length: size }, (_, i) => `token${i}`)),
    'tokenizer.ggml.token_type': i32s(new Array<number>(size).fill(1)),
  })
  const tensor = (name: string, ...shape: number[]): TensorSpec => ({ name: `${name}.weight`, shape })
  const kv = (hidden / heads) * kvHeads
  const layer = [
    ...[tensor('blk.0.attn_norm', hidden), tensor('blk.0.ffn_norm', hidden)],
    ...[tensor('blk.0.attn_q', hidden, hidden), tensor('blk.0.attn_k', hidden, kv), tensor('blk.0.attn_v', hidden, kv)],
    ...[tensor('blk.0.attn_output', hidden, hidden), tensor('blk.0.ffn_down', feedForward, hidden)],
    ...[tensor('blk.0.ffn_gate', hidden, feedForward), tensor('blk.0.ffn_up', hidden, feedForward)],
  ]
  writeFileSync(
    path,
    writeGguf(metadata, [tensor('token_embd', hidden, size), tensor('output_norm', hidden), ...layer]),
  )
  return path
}

/** Resident, by the tables of Linux. */
function residentBytes(pid: number | undefined): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kilobytes) * 1024
}

interface Loaded {
  readonly weightBytes: number
  readonly cacheBytes: number
  readonly otherBytes: number
}

async function loadedLine({ stderr }: DyntsServer): Promise<Loaded> {
  const line = await until(() => /^\{.*"msg":"loaded".*\}$/m.exec(stderr())?.[0])
  return JSON.parse(line) as Loaded
}

test.concurrent.each([
  ['the embedded model, of which the cache is most', () => ['--parallel', '64'], 1000],
  ['a vocabulary of 152,064 tokens', () => ['--model', largeVocabulary(), '--parallel', '8'], 2500],
])('%s: the estimate is within a quarter of what is taken', async (_what, args, promptTokens) => {
  await using server = await startDyntsServe([...args(), '--policy', 'full', '--cells', '4096', '--prompt-cache', '0'])
  // Of what was promised, buffers are taken once they are used.
  const prompt = Array.from({ length: promptTokens }, () => 5)
  const response = await fetch(`${server.url}/v1/completions`, {
    method: 'POST',
    body: JSON.stringify({ prompt, max_tokens: 4, logprobs: 0 }),
  })
  expect(response.status).toBe(200)
  const { weightBytes, cacheBytes, otherBytes } = await loadedLine(server)
  const taken = residentBytes(server.process.pid) + residentBytes(server.enginePid())
  const share = (weightBytes + cacheBytes + otherBytes) / taken
  expect(share).toBeGreaterThan(0.75)
  expect(share).toBeLessThan(1.25)
})
