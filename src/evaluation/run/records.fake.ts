/**
 * Plans and records for tests, without a model.
 */
import { itemSeed, type EvalIdentity, type PlannedJob } from './eval-job.ts'
import { plannedGroups, type EvalPlan } from './eval-plan.ts'
import { evalSchema, type EvalRecord, type ReplayRecord, type SampleRecord } from './eval-record.ts'
import { makePlan, type MetricName, type PlannedPoint } from './make-plan.ts'

export const identity: EvalIdentity = {
  model: {
    name: 'a model',
    architecture: 'qwen2',
    hiddenSize: 8,
    layers: 2,
    vocabularySize: 100,
    quantization: 'F16',
    bytes: 1000,
    sha256: 'a'.repeat(64),
  },
  predictor: null,
  template: null,
}

const bounded = { budget: 320, localWindow: 32, ratio: 0.5 }
export function point(policy: string, more: Partial<PlannedPoint> = {}): PlannedPoint {
  const settings = policy === 'full' ? { budget: null, localWindow: null, ratio: null } : bounded
  return { policy, ...settings, policyOptions: {}, policyHash: null, ...more }
}

export interface FakePlan {
  readonly points?: readonly PlannedPoint[]
  readonly items?: number
  readonly samples?: number
  readonly seed?: number
  readonly metrics?: readonly MetricName[]
  readonly maxTokens?: number
}

export function fakePlan({
  points = [point('full'), point('dynts'), point('window')],
  items = 3,
  samples = 1,
  seed = 1,
  metrics = ['pass'],
  maxTokens = 100,
}: FakePlan = {}): EvalPlan {
  const task = {
    name: 'chain',
    source: 'a test',
    items: Array.from({ length: items }, (_, i) => ({
      id: `q${i}`,
      index: i,
      prompt: `question ${i}`,
      expected: `${i}`,
      kind: 'chain' as const,
    })),
    sampling: { temperature: 0.6, topP: 0.95, topK: 20 },
    maxTokens,
    samples,
    points,
  }
  return makePlan({ identity, seed, kvType: 'f16', metrics, tasks: [task] })
}

export function jobsOf(plan: EvalPlan): readonly PlannedJob[] {
  return plannedGroups(plan).flatMap(({ jobs }) => jobs)
}

const costs = {
  schema: evalSchema as typeof evalSchema,
  refused: null,
  degraded: false,
  promptTokens: 10,
  thinkingTokens: 20,
  answerTokens: 5,
  generatedTokens: 25,
  meanCells: 20,
  peakCells: 30,
  peakBytes: 3000,
  evictions: 1,
  compactions: 0,
  wallMs: 100,
  forwardMs: 50,
  evictionMs: 12,
  machine: { backend: 'cpu', threads: 1, parallel: 2 },
  versions: { dynts: '0' },
  at: '2026-01-01T00:00:00.000Z',
}

export function sampleRecord(job: PlannedJob, right: boolean, more: Partial<SampleRecord> = {}): EvalRecord {
  const answer = right ? job.expected : 'wrong'
  const judged = { answer, right, graded: 'exact', truncated: false, looped: false, text: `\\boxed{${answer}}` }
  const tokens = job.policy === 'full' ? [1, 2, 3] : null
  return { ...job, ...identity, ...costs, ...judged, tokens, ...more, kind: 'sample' }
}

export function replayRecord(job: PlannedJob, loss: number, more: Partial<ReplayRecord> = {}): EvalRecord {
  return { ...job, ...identity, ...costs, reference: 'r', loss, ...more, kind: 'replay' }
}

export function jobOf(more: Partial<PlannedJob> = {}): PlannedJob {
  const [first] = jobsOf(fakePlan())
  if (!first) throw new Error('an empty plan')
  return { ...first, seed: itemSeed(1, first.task, first.item, 0), ...more }
}
