/**
 * A thread that, when `flags[0]` becomes 1, makes llama.cpp log an error, and sets `flags[1]` afterwards.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { LlamaContext, LlamaModel, loadLibrary } from '../../dist/llama/index.js'

const { path, flags } = workerData
const model = LlamaModel.load(loadLibrary('off'), path)
const context = LlamaContext.create(model, { cellsPerSequence: 256, threads: 1 })
context.append(0, [1], 0)
parentPort.postMessage('ready')
Atomics.wait(flags, 0, 0)
try {
  // Not the next position.
  context.append(0, [1], 9)
} catch (error) {
  if (error.code === 'decode_failed') Atomics.store(flags, 1, 1)
}
Atomics.notify(flags, 1)
model.dispose()
