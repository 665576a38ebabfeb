/**
 * node-llama-cpp as a program uses it when it wants tokens one by one: `LlamaContextSequence.evaluate`. Its types are not
 * imported, because the package is installed only when this benchmark runs.
 */
import { serve } from './serve.ts'

/** What is used of node-llama-cpp 3.22. */
interface NodeLlamaCpp {
  getLlama(options: { gpu: false; build: 'never'; maxThreads?: number; progressLogs: boolean }): Promise<Llama>
  LlamaLogLevel: Record<string, string>
}
interface Llama {
  readonly llamaCppRelease: { readonly release: string }
  loadModel(options: { modelPath: string }): Promise<{
    createContext(options: {
      contextSize: number
      sequences: 1
      batchSize?: number
      threads?: number
      flashAttention?: boolean
    }): Promise<LlamaContext>
  }>
}
interface LlamaContext {
  readonly idealThreads: number
  readonly batchSize: number
  readonly flashAttention: boolean | 'auto'
  getSequence(): Sequence
}
interface Sequence {
  clearHistory(): Promise<void>
  evaluate(tokens: readonly number[], options: { temperature: number }): AsyncGenerator<number>
}

const packageName = 'node-llama-cpp'

await serve(async ({ model: modelPath, threads, cells, flashAttention, peerDefaults, prompt }) => {
  const library = (await import(packageName)) as NodeLlamaCpp
  const given = peerDefaults ? {} : { batchSize: 512, threads, flashAttention }
  const maxThreads = peerDefaults ? {} : { maxThreads: threads }
  const llama = await library.getLlama({ gpu: false, build: 'never', progressLogs: false, ...maxThreads })
  const model = await llama.loadModel({ modelPath })
  const context = await model.createContext({
    contextSize: cells,
    sequences: 1,
    ...given,
  })
  const sequence = context.getSequence()
  return {
    version: `node-llama-cpp on llama.cpp ${llama.llamaCppRelease.release}`,
    settings: `${context.idealThreads} threads, flash attention ${nameOf(context.flashAttention)}, batch ${context.batchSize}`,
    sampling: 'temperature 0, which is greedy in C over all logits',
    generate: async (maxTokens, onToken) => {
      await sequence.clearHistory()
      const tokens = sequence.evaluate(prompt, { temperature: 0 })
      let count = 0
      while (count++ < maxTokens && (await tokens.next()).done !== true && onToken());
      await tokens.return(undefined)
    },
  }
})

function nameOf(flashAttention: boolean | 'auto'): string {
  return flashAttention === 'auto' ? 'auto' : flashAttention ? 'on' : 'off'
}
