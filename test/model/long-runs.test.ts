/** Texts without breaks, under pre-tokenizers that llama.cpp splits by recursion: in the engine's thread, whose stack is the smallest. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadModel } from 'dynts'
import { afterAll, expect, test } from 'vitest'
import { families } from '../support/families.ts'
import { text, writeRandomGguf } from '../support/gguf-writer.ts'

const folder = mkdtempSync(join(tmpdir(), 'dynts-long-runs-'))
afterAll(() => rmSync(folder, { recursive: true }))
const [makePlan] = Object.values(families)

test.each(['gpt-4o', 'tekken', 'deepseek-v3', 'deepseek-llm', 'bloom', 'default'])('%s', async (pre) => {
  const { metadata, tensors } = makePlan!()
  const path = join(folder, `${pre}.gguf`)
  writeFileSync(path, writeRandomGguf({ ...metadata, 'tokenizer.ggml.pre': text(pre) }, tensors))
  const model = await loadModel(path, { vocabularyOnly: true, predictor: false, gpu: 'off' })
  try {
    const tokens = await model.tokenize('a'.repeat(30_000))
    expect(tokens).toEqual(new Int32Array(30_000).fill(tokens[0]!))
    for (const unit of ['abc', '7', '!', ' ', '\n', '漢']) {
      // The small vocabulary lacks some of them, which is said.
      await model
        .tokenize(unit.repeat(30_000))
        .catch((error: unknown) => expect(error).toMatchObject({ code: 'invalid_text' }))
    }
  } finally {
    await model.close()
  }
})
