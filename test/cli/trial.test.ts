/**
 * A file that llama.cpp does not survive: one whose architecture is not proven is tried in a process of its own.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { others } from '../support/families.ts'
import { u32, writeRandomGguf } from '../support/gguf-writer.ts'
import { dynts, refusal, scratch, type Finished } from './run-dynts.ts'

beforeAll(() => {
  const { metadata, tensors } = others['GPT-2']()
  writeFileSync(join(scratch, 'gpt2.gguf'), writeRandomGguf(metadata, tensors))
  // llama.cpp asserts, when it computes the first token, that a head has as many elements as the hidden size has for it.
  const broken = { ...metadata, 'gpt2.attention.key_length': u32(16) }
  writeFileSync(join(scratch, 'gpt2-broken.gguf'), writeRandomGguf(broken, tensors))
})

/** What a run says before, and on a slow machine that it tries the model. */
function refusalBehindProgress({ stderr, ...finished }: Finished): string {
  const lines = stderr.split('\n').filter((text) => text.startsWith('dynts: '))
  return refusal({ ...finished, stderr: `${lines.join('\n')}\n` })
}

const run = (model: string) => dynts(['run', '--model', model, '--policy', 'full', '-n', '3', 'abc'])

test('a whole one runs', async () => {
  const { code, stderr } = await run('gpt2.gguf')
  expect({ code, stderr }).toMatchObject({ code: 0 })
  expect(stderr).toMatch(/^ended by /m)
})

test('dynts inspect tries one as well', async () => {
  const env = { XDG_CACHE_HOME: join(scratch, 'inspecting') }
  expect(refusalBehindProgress(await dynts(['inspect', 'gpt2-broken.gguf'], { env }))).toMatch(
    /does not survive it \(.*GGML_ASSERT/,
  )
  expect(JSON.parse(readFileSync(join(scratch, 'inspecting/dynts/tried-models.json'), 'utf8'))).toHaveLength(1)
})

test('one that would end the process is refused in one line, each time', async () => {
  for (let i = 0; i < 2; i++) {
    expect(refusalBehindProgress(await run('gpt2-broken.gguf'))).toMatch(/does not survive it \(.*GGML_ASSERT/)
  }
})
