/**
 * llama.cpp in two threads of one process: the engine's, and the one that extracts importance.
 */
import { expect, test } from 'vitest'
import { loadModel } from '../../dist/engine/model.js'
import { LlamaContext, LlamaModel, loadLibrary } from '../../dist/llama/index.js'
import { tinyF32 } from '../oracle.ts'

test('a device is registered once, and both threads compute', async () => {
  await using engine = await loadModel(tinyF32, { gpu: 'off', threads: 1, predictor: false })
  const library = loadLibrary('off')
  const names = library.devices.map((device) => device.name)
  expect(names).toContain('CPU')
  expect(new Set(names).size).toBe(names.length)
  using model = LlamaModel.load(library, tinyF32)
  using context = LlamaContext.create(model, { cells: 256, threads: 1 })
  context.append(0, model.vocab.tokenize('Who'), 0)
  expect(context.logits(0).every(Number.isFinite)).toBe(true)
  expect([...(await engine.tokenize('Who'))]).toEqual([...model.vocab.tokenize('Who')])
})
