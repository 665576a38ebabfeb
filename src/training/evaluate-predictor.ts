/**
 * How well a predictor does on traces. Training judges its own with it on those that are held out; so does
 * `dynts predictor evaluate`, on any.
 */
import { InputError } from '../errors.ts'
import { float16Values } from '../float16.ts'
import { MatrixGraph, type LlamaLibrary } from '../llama/index.ts'
import { mismatch, type HeldOutFigures, type PredictorCheckpoint } from '../predictor/checkpoint.ts'
import type { ImportanceRecord } from '../traces/importance-record.ts'
import { Dataset, type TraceSource } from './dataset.ts'
import { averageFigures, evaluateTrace } from './metrics.ts'
import { scoreInBlocks, type Scorer } from './row-blocks.ts'

export interface Evaluation {
  readonly figures: HeldOutFigures
  /** How much a trace's scores vary, as a share of how much their targets do, averaged: nothing if they are constant. */
  readonly spread: number
}

export interface EvaluationOptions {
  readonly signal?: AbortSignal | undefined
  readonly onTrace?: ((done: number) => void) | undefined
}

/** Scores every trace and averages its figures; lets other work through after every few hundred tokens. */
export async function evaluateTraces(
  score: Scorer,
  dataset: Dataset,
  records: readonly ImportanceRecord[],
  { signal, onTrace }: EvaluationOptions = {},
): Promise<Evaluation> {
  const figures = []
  let spread = 0
  for (const record of records) {
    const { states, tokens, importance, target } = dataset.trace(record)
    const scores = await scoreInBlocks(score, states, tokens, signal)
    figures.push(evaluateTrace(importance, target, scores))
    spread += standardDeviation(scores) / Math.max(standardDeviation(target), Number.MIN_VALUE) / records.length
    onTrace?.(figures.length)
  }
  return { figures: averageFigures(figures), spread }
}

/**
 * The figures of any predictor on all traces of a source. They say how good it is only if it was not trained on them.
 * @throws InputError `predictor_mismatch` for states of another model, `no_traces`
 */
export async function evaluatePredictor(
  checkpoint: PredictorCheckpoint,
  source: TraceSource,
  options: EvaluationOptions & { library: LlamaLibrary; gpu?: boolean; threads: number },
): Promise<Evaluation> {
  const { model } = source.manifest
  const why = mismatch(checkpoint.model, model)
  if (why !== undefined)
    throw new InputError('predictor_mismatch', `The predictor does not fit the traces of ${model.name}: ${why}.`)
  if (source.records.length === 0)
    throw new InputError('no_traces', 'There are no traces to evaluate the predictor on.')
  const { library, gpu = false, threads } = options
  using graph = MatrixGraph.create(library, checkpoint.matrices, { gpu, threads })
  const score: Scorer = (states, rows) => graph.run(floats(states), rows)
  // Each trace is read once, so none is worth keeping.
  return await evaluateTraces(score, new Dataset(source, checkpoint.target, 0), source.records, options)
}

/** Float16 bit patterns as numbers. */
function floats(states: Uint16Array): Float32Array {
  const table = float16Values()
  const values = new Float32Array(states.length)
  for (let i = 0; i < states.length; i++) values[i] = table[states[i] ?? 0] ?? NaN
  return values
}

function standardDeviation(values: Float32Array): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length)
}
