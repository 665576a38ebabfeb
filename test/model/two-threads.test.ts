/**
 * llama.cpp in two threads of one process: the engine's, and the one that extracts importance.
 */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
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
  using context = LlamaContext.create(model, { cellsPerSequence: 256, threads: 1 })
  context.append(0, model.vocab.tokenize('Who'), 0)
  expect(context.logits(0).every(Number.isFinite)).toBe(true)
  expect([...(await engine.tokenize('Who'))]).toEqual([...model.vocab.tokenize('Who')])
})

test('a thread that logs does not wait for another one that loads a model', async () => {
  const flags = new Int32Array(new SharedArrayBuffer(8))
  const workerData = { path: tinyF32, flags }
  const worker = new Worker(new URL('../support/log-when-told.js', import.meta.url), { workerData, execArgv: [] })
  const exit = once(worker, 'exit')
  await once(worker, 'message')
  using model = LlamaModel.load(loadLibrary('off'), tinyF32, {
    onProgress: () => {
      Atomics.store(flags, 0, 1)
      Atomics.notify(flags, 0)
      // This thread's event loop stands still until the other one is done.
      Atomics.wait(flags, 1, 0, 60_000)
      return true
    },
  })
  expect(flags[1]).toBe(1)
  expect(model.layers).toBe(6)
  await exit
}, 180_000)
