/** One step of training: the gradient of a batch, a few traces at a time, then one step of the optimiser. */
import type { DenseTrainer } from '../llama/index.ts'
import type { ImportanceRecord } from '../traces/importance-record.ts'
import type { Dataset, TrainingTrace } from './dataset.ts'
import { TracesLoss } from './loss.ts'
import { rowBlocks, scoreInBlocks } from './row-blocks.ts'
import { derivedSeed } from './schedule.ts'
import type { TrainingSettings } from './settings.ts'

export interface BatchOptions {
  readonly settings: Pick<TrainingSettings, 'microBatch' | 'rankingWeight' | 'clip'>
  readonly learningRate: number
  /** Of the ranking term's pairs. */
  readonly seed: number
  /** When it aborts, the weights stay those before the step. */
  readonly signal?: AbortSignal | undefined
  /** Called after each micro-batch, with the number of its traces. */
  readonly onTraces?: ((traces: number) => void) | undefined
}

export interface BatchResult {
  /** The batch's MSE before the step. */
  readonly mse: number
  /** Before clipping. */
  readonly gradientNorm: number
  /** Tokens of all traces. */
  readonly rows: number
}

/**
 * Lets other work through after every few hundred tokens. If the loss is not finite, no step is taken, and `gradientNorm` is
 * NaN.
 */
export async function trainBatch(
  trainer: DenseTrainer,
  dataset: Dataset,
  batch: readonly ImportanceRecord[],
  options: BatchOptions,
): Promise<BatchResult> {
  const { settings, learningRate, seed, signal, onTraces } = options
  let mse = 0
  let rows = 0
  for (let first = 0; first < batch.length; first += settings.microBatch) {
    const traces = batch.slice(first, first + settings.microBatch).map((record) => dataset.trace(record))
    const loss = new TracesLoss(
      traces.map(({ target }) => target),
      batch.length,
    )
    const states = joined(traces)
    if (settings.rankingWeight > 0) {
      const outputs = await scoreInBlocks((...block) => trainer.forward(...block), states, loss.rows, signal)
      loss.addRanking(outputs, settings.rankingWeight, derivedSeed(seed, first))
    }
    for await (const { from, rows: count, states: block } of rowBlocks(states, loss.rows, signal)) {
      trainer.accumulate(block, count, (outputs, row) => loss.gradientOf(outputs, from + row))
    }
    mse += loss.squaredError
    rows += loss.rows
    onTraces?.(traces.length)
  }
  const gradientNorm = Number.isFinite(mse) ? trainer.step({ learningRate, clip: settings.clip }).gradientNorm : NaN
  return { mse, gradientNorm, rows }
}

/** The states of all traces, one behind the other. */
function joined(traces: readonly TrainingTrace[]): Uint16Array {
  const [first] = traces
  if (first && traces.length === 1) return first.states
  const states = new Uint16Array(traces.reduce((sum, trace) => sum + trace.states.length, 0))
  let offset = 0
  for (const trace of traces) {
    states.set(trace.states, offset)
    offset += trace.states.length
  }
  return states
}
