/**
 * The oracle: reference numbers for the embedded model, made by independent code (PyTorch, float32).
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const file = (name: string) => fileURLToPath(new URL(`fixtures/${name}`, import.meta.url))
const json = (name: string): unknown => JSON.parse(readFileSync(file(`oracle/${name}`), 'utf8'))

export const tinyF32 = file('tiny-f32.gguf')
export const tinyF16 = fileURLToPath(new URL('../models/tiny/tiny-f16.gguf', import.meta.url))
export const tinyPredictor = fileURLToPath(new URL('../models/tiny/tiny-f16.predictor.gguf', import.meta.url))
export const tinyCalibration = fileURLToPath(new URL('../models/tiny/tiny-f16.calibration.gguf', import.meta.url))
/** The oracle's predictor: what `dynts predictor import` makes of `predictorSafetensors`. */
export const oraclePredictor = file('oracle.predictor.gguf')
export const predictorSafetensors = file('predictor.safetensors')

export interface ForwardTrace {
  id: number
  tokens: number[]
  /** Positions at which `hidden` (after the final norm) and `logits` were recorded. */
  positions: number[]
  hidden: number[][]
  logits: number[][]
  /** log p(tokens[j + 1] given tokens[0..j]) */
  logprobOfNext: number[]
}

export interface ImportanceTrace {
  id: number
  prompt: string
  completion: string
  tokens: number[]
  promptTokens: number
  /** Index of `</think>`. */
  thinkEnd: number
  promptImportance: number[]
  importance: number[]
  /** The predictor's raw output for each thinking token. */
  predicted: number[]
}

export interface ReplayEvent {
  /** Generated tokens consumed so far. */
  step: number
  before: number
  kept: number[]
  /** [position, score] of every candidate; null: minus infinity. */
  scores?: [number, number | null][]
}

export interface Replay {
  trace: string
  policy: string
  budget: number
  localWindow: number
  ratio: number
  leaving: number
  sinks: number
  peakCells: number
  degraded: boolean
  events: ReplayEvent[]
  logprob: number[]
  answerNll: number
}

export const forwardOracle = () => json('forward.json') as ForwardTrace[]
/** What the independent code's predictor reaches on `traces`, per trace and then averaged. */
export interface ImportanceSummary {
  traces: number
  mse: number
  kendallTau: number
  /** Share of the true top-20 % found in the predicted top-p %, by p. */
  overlapOfTop20: Record<string, number>
}

export const importanceOracle = () =>
  json('importance.json') as { summary: ImportanceSummary; traces: ImportanceTrace[] }
export const replayOracle = () => json('replay.json') as Replay[]

/** The largest absolute difference of two arrays of equal length. */
export function maxDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new Error(`${a.length} and ${b.length} values`)
  let max = 0
  for (let i = 0; i < a.length; i++) max = Math.max(max, Math.abs((a[i] ?? NaN) - (b[i] ?? NaN)))
  return max
}
