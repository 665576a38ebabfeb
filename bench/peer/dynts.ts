/**
 * dynts as a program uses it: the library's own `Engine`, its thread and its asynchronous events included.
 */
import { Engine, loadModel } from '../../src/index.ts'
import { serve } from './serve.ts'

await serve(async ({ model: path, threads, cells, flashAttention, prompt }) => {
  const model = await loadModel(path, { predictor: false, gpu: 'off', threads, offline: true })
  const engine = await Engine.create(model, { cells, flashAttention })
  return {
    version: `dynts on llama.cpp ${model.release}`,
    settings: `${model.threads} threads, flash attention ${flashAttention ? 'on' : 'off'}, batch 512`,
    sampling: 'greedy in C, over all logits; policy full',
    generate: async (maxTokens, onToken) => {
      const generation = engine.generate({
        prompt: { tokens: prompt },
        policy: 'full',
        maxTokens,
        sampling: { temperature: 0 },
      })
      for await (const event of generation) {
        if (event.type === 'token' && event.token !== null && !onToken()) break
      }
      await generation.result
    },
  }
})
