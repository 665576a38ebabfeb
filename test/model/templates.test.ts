/** Prompts of models whose template or vocabulary is out of the ordinary: the embedded model, with other metadata. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadModel } from 'dynts'
import { afterAll, expect, test } from 'vitest'
import { tinyF16 } from '../oracle.ts'
import { bool, u32, withMetadata, type Value } from '../support/gguf-writer.ts'

const folder = mkdtempSync(join(tmpdir(), 'dynts-templates-'))
afterAll(() => rmSync(folder, { recursive: true }))
let files = 0

async function promptOf(changes: Readonly<Record<string, Value>>) {
  const path = join(folder, `${files++}.gguf`)
  writeFileSync(path, withMetadata(readFileSync(tinyF16), changes))
  await using model = await loadModel(path, { predictor: false, gpu: 'off', vocabularyOnly: true })
  const layout = await model.layout({ prompt: { messages: [{ role: 'user', content: 'How many?' }] }, completion: '' })
  return [...layout.tokens]
}

test('BOS before the prompt, and no end token behind it', async () => {
  const plain = await promptOf({})
  const changes = {
    'tokenizer.ggml.add_bos_token': bool(true),
    'tokenizer.ggml.bos_token_id': u32(2),
    'tokenizer.ggml.add_eos_token': bool(true),
  }
  expect(await promptOf(changes)).toEqual([2, ...plain])
})
