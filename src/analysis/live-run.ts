/**
 * Runs of several sequences in step, and what they show while they go on: tokens per second, cells, and operations, with the full
 * cache and with a bounded one.
 *
 * Source: arXiv 2601.18383, Figures 5 and 14. There the time of an eviction is left out; here it is in.
 */
import type { Engine } from '../engine/engine.ts'
import type { Generation } from '../engine/generation.ts'
import type { GenerateEvent, GenerateRequest } from '../engine/types.ts'

/** What was measured of the first of the sequences, which all have the same prompt and length. */
export interface MeasuredRun {
  readonly promptTokens: number
  /** Milliseconds at the end of each step, the first one at 0. Shape [steps]. */
  readonly times: readonly number[]
  /** Cells of the sequence after each step. Shape [steps]. */
  readonly cells: readonly number[]
  readonly sequences: number
  /** Bytes of the engine's cache. */
  readonly allocatedBytes: number
}

/** What a point of a curve is computed over. */
export const windowSteps = 50

export interface MeasureOptions {
  readonly sequences: number
  readonly signal: AbortSignal
  readonly onStep?: ((step: number) => void) | undefined
}

/**
 * @param request `maxTokens` of it are generated, whatever the model says; the sequences have the seeds that follow each other
 * @throws the signal's reason when it aborts; what a generation throws
 */
export async function measureRun(
  engine: Engine,
  request: GenerateRequest,
  { sequences, signal, onStep }: MeasureOptions,
): Promise<MeasuredRun> {
  const { seed = 0 } = request
  const all = Array.from({ length: sequences }, (_, i) =>
    engine.generate({ ...request, ignoreEos: true, seed: seed + i }, { signal }),
  )
  const [first, ...others] = all
  if (!first) throw new RangeError('there is no sequence')
  const [measured] = await Promise.all([measureFirst(first, onStep), ...others.map(drain)])
  signal.throwIfAborted()
  return { ...measured, sequences, allocatedBytes: engine.cacheBytes }
}

async function measureFirst(generation: Generation, onStep: MeasureOptions['onStep']) {
  const times: number[] = []
  const cells: number[] = []
  let promptTokens = 0
  for await (const event of generation) {
    if (event.type === 'start') ({ promptTokens } = event)
    if (!isStep(event)) continue
    times.push(performance.now())
    cells.push(event.cells)
    onStep?.(times.length)
  }
  const begin = times[0] ?? 0
  return { promptTokens, times: times.map((time) => time - begin), cells }
}

/** What is only text comes with another token. */
function isStep(event: GenerateEvent): event is GenerateEvent & { readonly type: 'token' } {
  return event.type === 'token' && event.token !== null
}

async function drain(generation: Generation): Promise<void> {
  for await (const event of generation) if (event.type === 'finish') return
}

/** Steps at which cells left. */
export function evictionSteps({ cells }: Pick<MeasuredRun, 'cells'>): number[] {
  return cells.flatMap((count, i) => (i > 0 && count < (cells[i - 1] ?? 0) ? [i] : []))
}

/** Of all sequences, over the steps from one to another; evictions that happened there are in it. */
export function tokensPerSecond({ times, sequences }: MeasuredRun, from: number, to: number): number {
  const ms = (times[to] ?? NaN) - (times[from] ?? NaN)
  return (1000 * sequences * (to - from)) / ms
}

/** Of the whole run, the prompt left out. */
export function meanTokensPerSecond(run: MeasuredRun): number {
  return tokensPerSecond(run, 0, run.times.length - 1)
}

export interface LivePoint {
  readonly step: number
  /** Over the `windowSteps` steps before. */
  readonly tokensPerSecond: number
  /** Of all sequences. */
  readonly usedBytes: number
  /** Of one token of one sequence: the matrices, attention, and the predictor. */
  readonly flops: number
}

export interface LiveCosts {
  /** Of the cache of one sequence that holds so many cells. */
  readonly bytesOf: (cells: number) => number
  /** Operations of a step of one sequence that holds so many cells. */
  readonly flopsOf: (cells: number) => number
}

/** At most `most` points of a run, evenly spaced. */
export function livePoints(run: MeasuredRun, { bytesOf, flopsOf }: LiveCosts, most = 300): LivePoint[] {
  const steps = run.times.length
  const stride = Math.max(1, Math.ceil((steps - windowSteps) / most))
  const points: LivePoint[] = []
  for (let step = windowSteps; step < steps; step += stride) {
    const cells = run.cells[step] ?? NaN
    points.push({
      step,
      tokensPerSecond: tokensPerSecond(run, step - windowSteps, step),
      usedBytes: run.sequences * bytesOf(cells),
      flops: flopsOf(cells),
    })
  }
  return points
}

/** Bounded by full, right after an eviction. */
export interface EvictionRatios {
  readonly step: number
  /** Of the step with the eviction, beside the median of the `windowSteps` steps before. */
  readonly pauseMs: number
  /** Over the `windowSteps` steps that follow; null where the run ends before. */
  readonly tokensPerSecond: number | null
  readonly cells: number
  readonly flops: number
}

/** @param full of at least as many steps */
export function evictionRatios(
  full: MeasuredRun,
  bounded: MeasuredRun,
  costs: { readonly full: LiveCosts; readonly bounded: LiveCosts },
): EvictionRatios[] {
  return evictionSteps(bounded).map((step) => {
    const end = step + windowSteps
    const isWhole = end < bounded.times.length && end < full.times.length
    const [held, whole] = [bounded.cells[step] ?? NaN, full.cells[step] ?? NaN]
    return {
      step,
      pauseMs: stepMs(bounded, step) - medianStepMs(bounded, step),
      tokensPerSecond: isWhole ? tokensPerSecond(bounded, step, end) / tokensPerSecond(full, step, end) : null,
      cells: held / whole,
      flops: costs.bounded.flopsOf(held) / costs.full.flopsOf(whole),
    }
  })
}

function stepMs({ times }: MeasuredRun, step: number): number {
  return (times[step] ?? NaN) - (times[step - 1] ?? NaN)
}

function medianStepMs(run: MeasuredRun, before: number): number {
  const from = Math.max(1, before - windowSteps)
  const durations = Array.from({ length: before - from }, (_, i) => stepMs(run, from + i)).sort((a, b) => a - b)
  return durations[Math.floor(durations.length / 2)] ?? NaN
}
