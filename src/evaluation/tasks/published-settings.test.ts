import { expect, test } from 'vitest'
import { inspectGguf } from '../../models/gguf-file.ts'
import { EMBEDDED_MODEL, parseReference } from '../../models/reference.ts'
import { findTask } from './registry.ts'

test('the embedded model has the settings of its own problems for files, every other model the published ones', async () => {
  const embedded = parseReference(EMBEDDED_MODEL)
  if (embedded.kind !== 'embedded') throw new Error('it is embedded')
  const { name } = await inspectGguf(embedded.path)
  const [file, chain, gsm8k] = ['file', 'chain', 'gsm8k'].map(findTask)
  expect(file?.published(name)).toEqual(chain?.published(name))
  expect(file?.published('R1-Distill-Llama-8B')).toEqual(gsm8k?.published('R1-Distill-Llama-8B'))
  expect(file?.published('R1-Distill-Llama-8B')).toMatchObject({ budget: 3000, localWindow: 1000, ratio: 0.3 })
})
