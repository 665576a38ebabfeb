/**
 * dynts: reasoning models with a bounded KV cache, on llama.cpp.
 */
export type { Retry } from './back-off.ts'
export { compactionChoices, type CompactionChoice } from './cache/compaction.ts'
export type { CellBytes } from './cache/cell-bytes.ts'
export type { Occupancy } from './cache/sequence-cells.ts'
export type { CacheSettings } from './cache/budget.ts'
export { Engine, type EngineOptions, type GenerateOptions } from './engine/engine.ts'
export type { Generation } from './engine/generation.ts'
export {
  fingerprint,
  locateModel,
  type LoadedPredictor,
  type LocatedModel,
  type LocateModelOptions,
  type TemplateOptions,
} from './engine/locate-model.ts'
export { loadLocated, loadModel, type LoadModelOptions, type Model } from './engine/model.ts'
export { defaultCacheSettings } from './engine/cache-settings.ts'
export { defaultMaxTokens } from './engine/prepare.ts'
export type { PlanReply, TokenizeOptions } from './engine/protocol.ts'
export type { Phase } from './engine/reasoning-phase.ts'
export type { Completion, CompletionParts, TraceLayout } from './engine/trace-layout.ts'
export type * from './engine/types.ts'
export { EngineError, InputError, type InputErrorOptions } from './errors.ts'
export { identify } from './evaluation/run/identity.ts'
export type {
  EvalIdentity,
  EvalJob,
  JobSettings,
  PlannedJob,
  ReplayReference,
  Shard,
} from './evaluation/run/eval-job.ts'
export {
  makePlan,
  metricNames,
  type MetricName,
  type PlanOptions,
  type PlannedPoint,
  type TaskToPlan,
} from './evaluation/run/make-plan.ts'
export type { EvalExecutor } from './evaluation/run/eval-engine.ts'
export type { DownloadOptions } from './models/download.ts'
export type { Environment } from './models/hub-settings.ts'
export type { ResolveOptions } from './models/resolve.ts'
export type { ReplaySummary, SampleSummary } from './evaluation/run/configuration-summary.ts'
export type { EvalSetting } from './evaluation/run/graded-record.ts'
export {
  findPreset,
  gridOf,
  presetNames,
  type GridPoint,
  type Preset,
  type Sweep,
} from './evaluation/presets/presets.ts'
export { findTask, taskNames } from './evaluation/tasks/registry.ts'
export { loadQuestionFile } from './evaluation/tasks/hub-tasks.ts'
export type { TaskFile } from './evaluation/tasks/task-file.ts'
export type {
  LoadedTask,
  PublishedSettings,
  Task,
  GivenTrace,
  TaskItem,
  TaskLoadOptions,
} from './evaluation/tasks/task.ts'
export { runEval, type EvalProgress, type EvalRun, type RunEvalOptions } from './evaluation/run/run-eval.ts'
export {
  summarise,
  type EvalSummary,
  type ConfigurationSummary,
  type FailureSummary,
  type SummariseOptions,
  type TaskSummary,
} from './evaluation/run/summarise.ts'
export type { EvalRecord, ReplayRecord, SampleRecord } from './evaluation/run/eval-record.ts'
export type { Configuration, EvalPlan } from './evaluation/run/eval-plan.ts'
export { definePolicy, type PolicyInput } from './eviction/define-policy.ts'
export type { LayerCalibration } from './eviction/calibration.ts'
export type * from './eviction/policy.ts'
export {
  formatPolicyReference,
  parsePolicyReference,
  protectableParts,
  type PolicyReference,
  type ProtectedPart,
} from './eviction/protect.ts'
export { policyNames, policyOptionTable, type PolicyOption } from './eviction/registry.ts'
export { Grader, type GraderOptions, type Verdict } from './evaluation/grading/grader.ts'
export { readQuestions, type Question, type QuestionFileOptions } from './evaluation/questions/question-file.ts'
export {
  defaultSampling,
  loadLibrary,
  type ChatMessage,
  type GpuChoice,
  type JsonSchema,
  type KvType,
  type LlamaLibrary,
  type SamplingSettings,
  type TemplateVariables,
  type ThinkingTags,
  type ToolCall,
  type ToolDefinition,
} from './llama/index.ts'
export type { Device } from './llama/library.ts'
export type { Rotation } from './llama/rotation.ts'
export type { ExecuteOptions, Executor, JobOutcome } from './jobs/job.ts'
export type { ModelShape } from './models/gguf-checks.ts'
export type { GgufScalar } from './models/gguf-cursor.ts'
export { inspectGguf, type GgufInfo, type TokenizerInfo } from './models/gguf-file.ts'
export type { GgufTensor } from './models/gguf-reader.ts'
export {
  bytesPerCell,
  memoryPlan,
  type CacheShape,
  type MemoryPlan,
  type MemorySettings,
} from './models/memory-plan.ts'
export type { DownloadProgress } from './models/progress-meter.ts'
export { readCheckpoint, writeCheckpoint, type HeldOutFigures, type PredictorCheckpoint } from './predictor/index.ts'
export type { WeightMatrix } from './predictor/checkpoint.ts'
export type { Fingerprint } from './predictor/fingerprint.ts'
export type { Label } from './predictor/label.ts'
export type { Target } from './predictor/target.ts'
export {
  extractImportance,
  type ExtractOptions,
  type ExtractProgress,
  type ExtractSummary,
  type PassSpeed,
} from './traces/extract-importance.ts'
export type { ImportancePlan } from './traces/importance-plan.ts'
export type { ImportanceArrays, ImportanceManifest, ImportanceRecord } from './traces/importance-record.ts'
export { ImportanceStore } from './traces/importance-store.ts'
export type { SandboxJob, SandboxLimits, SandboxResult } from './evaluation/code/sandbox.ts'
export type { AnswerGrader, GradingKind } from './evaluation/grading/grade-answer.ts'
export type { ProgramSandbox } from './evaluation/grading/grade-program.ts'
export type { RecallSummary } from './evaluation/metrics/recall.ts'
export type { RecallVocabulary } from './evaluation/recall/lay-out-recall.ts'
export type { RecalledFact } from './evaluation/tasks/task.ts'
export type { GivenFields } from './traces/given-row.ts'
export {
  importTraces,
  type ImportProgress,
  type ImportSummary,
  type ImportTracesOptions,
} from './traces/import-traces.ts'
export type { GivenFileOptions } from './traces/given-file.ts'
export type { SamplingPlanOptions } from './traces/plan-traces.ts'
export { RemoteExecutor, type RemoteOptions } from './traces/remote-executor.ts'
export {
  sampleTraces,
  type SampleTracesOptions,
  type TraceProgress,
  type TraceSummary,
} from './traces/sample-traces.ts'
export type { TraceTally } from './traces/trace-file.ts'
export type { Sampled, TraceExecutor, TraceJob, TraceSampling } from './traces/trace-job.ts'
export { taskQuestion, type TraceQuestion } from './traces/trace-question.ts'
export type { DropReason, KeptTrace, TraceRecord } from './traces/trace-record.ts'
export type { CheckpointSettings } from './training/checkpoint-clock.ts'
export type { Split, TraceSource } from './training/dataset.ts'
export { evaluatePredictor, type Evaluation, type EvaluationOptions } from './training/evaluate-predictor.ts'
export type { BatchPlan } from './training/schedule.ts'
export { defaultTrainingSettings, type TrainingSettings } from './training/settings.ts'
export type { ThroughputFigures } from './training/throughput.ts'
export {
  trainPredictor,
  type TrainingPlan,
  type TrainingResult,
  type TrainOptions,
} from './training/train-predictor.ts'
export type { EpochEntry } from './training/training-state.ts'
export type { TrainingProblem } from './training/verdict.ts'
export type { EvalKind } from './evaluation/run/eval-job.ts'
export type { HubAccess } from './models/hub-request.ts'
export type { Disk } from './models/partial-file.ts'
export type { Estimate } from './evaluation/metrics/estimate.ts'
export type { AtK } from './evaluation/run/configuration-summary.ts'
export type { CostSummary } from './evaluation/metrics/costs.ts'
export type { Throughput } from './evaluation/metrics/costs.ts'
export type { AppendableFile } from './models/partial-file.ts'
export type { Interval } from './evaluation/metrics/intervals.ts'
