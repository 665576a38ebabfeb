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
export { identify } from './evaluation/run/identity.ts'
export { makePlan, type PlanOptions, type PlannedPoint, type TaskToPlan } from './evaluation/run/make-plan.ts'
export { runEval, type EvalProgress, type EvalRun, type RunEvalOptions } from './evaluation/run/run-eval.ts'
export { summarise, type EvalSummary } from './evaluation/run/summarise.ts'
export type { EvalRecord } from './evaluation/run/eval-record.ts'
export type { EvalPlan } from './evaluation/run/eval-plan.ts'
export { definePolicy, type PolicyInput } from './eviction/define-policy.ts'
export type * from './eviction/policy.ts'
export { policyNames } from './eviction/registry.ts'
export { Grader, type Verdict } from './evaluation/grading/grader.ts'
export { readQuestions, type Question, type QuestionFileOptions } from './evaluation/question-file.ts'
export {
  defaultSampling,
  loadLibrary,
  type ChatMessage,
  type GpuChoice,
  type KvType,
  type LlamaLibrary,
  type SamplingSettings,
} from './llama/index.ts'
export { inspectGguf, type GgufInfo } from './models/gguf-file.ts'
export { bytesPerCell, memoryPlan, type MemoryPlan } from './models/memory-plan.ts'
export { readCheckpoint, writeCheckpoint, type HeldOutFigures, type PredictorCheckpoint } from './predictor/index.ts'
export { extractImportance, type ExtractOptions, type ExtractSummary } from './traces/extract-importance.ts'
export { ImportanceStore } from './traces/importance-store.ts'
export { RemoteExecutor, type RemoteOptions } from './traces/remote-executor.ts'
export {
  sampleTraces,
  type SampleTracesOptions,
  type TraceProgress,
  type TraceSummary,
} from './traces/sample-traces.ts'
export type { KeptTrace, TraceRecord } from './traces/trace-record.ts'
export { evaluatePredictor } from './training/evaluate-predictor.ts'
export { defaultTrainingSettings, type TrainingSettings } from './training/settings.ts'
export { trainPredictor, type TrainingResult } from './training/train-predictor.ts'
