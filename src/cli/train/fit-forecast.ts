/** How long the later steps of `dynts fit` take on this machine, told once the first trace of importance is measured. */
import { fileSettings } from '../../evaluation/tasks/published-settings.ts'
import { defaultThreads, loadLibrary, measureMatrixProduct } from '../../llama/index.ts'
import { readRecords } from '../../records/read-records.ts'
import type { PassSpeed } from '../../traces/extract-importance.ts'
import { countsOf } from '../../traces/kept-traces.ts'
import { traceRecords } from '../../traces/trace-record.ts'
import { predictorSizes } from '../../training/initial-weights.ts'
import { flopsPerToken } from '../../training/throughput.ts'
import { formatDuration } from '../output/progress-line.ts'
import { mostReplays } from './held-out-replay.ts'
import { recommendationOf } from './predictor-file.ts'
import { trainSettingsOf, type TrainFlags } from './train-options.ts'

/** What there is to do after the importance. */
export interface FitWork {
  /** d, 2d, d/2, 1 */
  readonly shape: readonly number[]
  /** Tokens that the training sees, in all epochs. */
  readonly trainedTokens: number
  /** Traces that are replayed, their mean tokens, how often each is at most, and how many at the same time. */
  readonly traces: number
  readonly meanTokens: number
  readonly replays: number
  readonly parallel: number
}

export interface FitSeconds {
  readonly training: number
  readonly replay: number
}

/** What a training reaches of the rate of a plain matrix product (docs/benchmarks.md). */
const trainingShare = 0.7
/** What takes less is over before it is read. */
const shortestSeconds = 10

type ForecastFlags = TrainFlags & { readonly replayTraces: number; readonly tokensPerTrace?: number }

/**
 * Measures how fast the machine multiplies, so call it while nothing else runs.
 * @param traces the trace file
 * @returns what gives the line; undefined where all of it is over before it is read
 */
export function fitForecast(traces: string, flags: ForecastFlags): (speed: PassSpeed) => string | undefined {
  const library = loadLibrary(flags.gpu)
  const { flopsPerSecond } = measureMatrixProduct(library, {
    gpu: library.backend !== 'cpu',
    threads: flags.threads ?? defaultThreads(Infinity),
    seconds: 0.1,
  })
  const work = fitWork(traces, flags)
  return (speed) => forecastText(speed.tokensLeft * speed.secondsPerToken, fitSeconds(work, flopsPerSecond, speed))
}

function fitWork(path: string, flags: ForecastFlags): FitWork {
  const { epochs, validationShare } = trainSettingsOf(flags)
  const { tokensPerTrace = Infinity, replayTraces } = flags
  const questions = new Set<string>()
  const kept = { traces: 0, tokens: 0, stored: 0, hiddenSize: 0, name: '' }
  for (const trace of readRecords(path, traceRecords)) {
    if (trace.outcome !== 'kept') continue
    questions.add(trace.question)
    kept.traces++
    kept.tokens += trace.tokens.length
    kept.stored += Math.min(tokensPerTrace, countsOf(trace).thinkingTokens)
    kept.hiddenSize = trace.model.hiddenSize
    kept.name = trace.model.name
  }
  const heldOut = Math.max(1, Math.round(validationShare * questions.size)) * (kept.traces / questions.size)
  return {
    shape: predictorSizes(kept.hiddenSize),
    trainedTokens: epochs * kept.stored,
    traces: Math.min(replayTraces, Math.ceil(heldOut)),
    meanTokens: kept.tokens / kept.traces,
    replays: mostReplays(recommendationOf(flags)),
    parallel: fileSettings(kept.name).parallel,
  }
}

/**
 * A step of several sequences takes as long as one of a single token, which reads the weights, or as long as the same number of tokens
 * of the pass, which computes with them: whichever is longer.
 */
export function fitSeconds(
  { shape, trainedTokens, traces, meanTokens, replays, parallel }: FitWork,
  flopsPerSecond: number,
  { secondsPerToken, secondsPerStep }: Pick<PassSpeed, 'secondsPerToken' | 'secondsPerStep'>,
): FitSeconds {
  const together = Math.min(traces, parallel)
  const step = Math.max(secondsPerStep, together * secondsPerToken)
  const steps = traces === 0 ? 0 : (traces / together) * meanTokens
  return {
    training: (trainedTokens * flopsPerToken(shape)) / (trainingShare * flopsPerSecond),
    replay: replays * steps * step,
  }
}

/** @param importance seconds that are left of it */
export function forecastText(importance: number, { training, replay }: FitSeconds): string | undefined {
  const all = importance + training + replay
  if (all < shortestSeconds) return undefined
  const replaying = replay > 0 ? `, and replaying held-out traces at most about ${formatDuration(replay)}` : ''
  return `Training then takes about ${formatDuration(training)}${replaying}: about ${formatDuration(all)} in all.`
}
