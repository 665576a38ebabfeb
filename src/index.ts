/**
 * dynts: reasoning models with a bounded KV cache, on llama.cpp.
 */
export { compactionChoices, type CompactionChoice } from './cache/compaction.ts'
export type { CacheSettings } from './cache/budget.ts'
export { Engine, type EngineOptions } from './engine/engine.ts'
export type { Generation } from './engine/generation.ts'
export {
  fingerprint,
  loadLocated,
  loadModel,
  locateModel,
  type LoadedPredictor,
  type LoadModelOptions,
  type LocatedModel,
  type Model,
} from './engine/model.ts'
export { defaultCacheSettings, defaultMaxTokens } from './engine/prepare.ts'
export type * from './engine/types.ts'
export { EngineError, InputError } from './errors.ts'
export { policyNames } from './eviction/registry.ts'
export { defaultSampling, type ChatMessage, type GpuChoice, type KvType, type SamplingSettings } from './llama/index.ts'
export { inspectGguf, type GgufInfo } from './models/gguf-file.ts'
export { bytesPerCell, memoryPlan, type MemoryPlan } from './models/memory-plan.ts'
