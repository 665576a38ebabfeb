export { AttentionProbe, type AttentionRows, type WantedRows } from './attention-probe.ts'
export type { PositionWeights } from './attention-reader.ts'
export { CellSlots } from './cell-slots.ts'
export { findThinkingTags, renderChat, type ChatMessage, type ThinkingTags } from './chat-template.ts'
export { kvTypes, LlamaContext, type ContextOptions, type KvType } from './context.ts'
export { DenseTrainer, type DenseTrainerOptions, type DenseTrainerState, type OutputGradient } from './dense-trainer.ts'
export { writeGguf, type GgufMatrix, type GgufValue } from './gguf-writer.ts'
export { gpuChoices, loadLibrary, type GpuChoice, type LlamaLibrary } from './library.ts'
export { MatrixGraph, mostLayers, type DenseLayer } from './matrix-graph.ts'
export { measureMatrixProduct } from './matrix-product-rate.ts'
export { LlamaModel } from './model.ts'
export { defaultSampling, largestSeed, Sampler, validateSampling, type SamplingSettings } from './sampler.ts'
export {
  compactSequence,
  parseState,
  type StoredKeys,
  readKeys,
  restoreSequence,
  saveSequence,
  StateBuffer,
} from './sequence-state.ts'
export { defaultThreads } from './threads.ts'
export { Vocab } from './vocab.ts'
