/**
 * Makes and disposes contexts and samplers, and prints how many MiB of memory that left behind. Run with
 * MALLOC_MMAP_THRESHOLD_, or glibc keeps freed caches in its heap for the next ones.
 */
import { defaultSampling, LlamaContext, LlamaModel, loadLibrary, Sampler } from '../../dist/llama/index.js'

const model = LlamaModel.load(loadLibrary('off'), process.argv[2])

function cycle(count) {
  for (let i = 0; i < count; i++) {
    const context = LlamaContext.create(model, { cellsPerSequence: 256, sequences: 2, threads: 1, kvType: 'f32' })
    const sampler = Sampler.create(model, { ...defaultSampling, repeatPenalty: 1.1 }, i)
    context.append(0, [1, 2, 3], 0)
    sampler.sample(context, 0)
    context.compact(0)
    sampler.dispose()
    context.dispose()
  }
  return process.memoryUsage().rss / 2 ** 20
}

const before = cycle(40)
console.log(cycle(200) - before)
