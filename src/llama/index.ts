export { AttentionProbe } from './attention-probe.ts'
export {
  hasThinkingSwitch,
  ownTemplateVariables,
  renderChat,
  type ChatMessage,
  type TemplateVariables,
  type ToolCall,
  type ToolDefinition,
} from './chat-template.ts'
export { kvTypes, type ContextOptions, type KvType } from './context-options.ts'
export { LlamaContext } from './context.ts'
export { DenseTrainer, type DenseTrainerState } from './dense-trainer.ts'
export { cacheLayersOf, type CacheLayers } from './cache-layers.ts'
export { writeGguf, type GgufMatrix, type GgufValue } from './gguf-writer.ts'
export { gpuChoices, installedBackends, loadLibrary, type GpuChoice, type LlamaLibrary } from './library.ts'
export { MatrixGraph, mostLayers } from './matrix-graph.ts'
export { measureMatrixProduct } from './matrix-product-rate.ts'
export { LlamaModel } from './model.ts'
export { defaultSampling, largestSeed, Sampler, validateSampling, type SamplingSettings } from './sampler.ts'
export { schemaGrammar, type JsonSchema } from './schema-grammar.ts'
export { Constraint } from './constraint.ts'
export { QueryProbe, type LayerQueries } from './query-probe.ts'
export { pairOf, type Rotation } from './rotation.ts'
export { parseState, restoreSequence, saveSequence } from './sequence-state.ts'
export { findThinkingTags, tagsOf, type ThinkingTags } from './thinking-tags.ts'
export { findToolFormat, knowsTools, toolTags, type ToolFormat } from './tool-format.ts'
export { toolCallGrammar } from './tool-grammar.ts'
export { indexerKeys, indexerObstacle } from './sparse-attention.ts'
export { typeOf, typesOf } from './schema-types.ts'
export { templateFacts, type TemplateFacts } from './template-facts.ts'
export { defaultThreads } from './threads.ts'
