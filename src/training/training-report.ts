/**
 * What a training leaves to be read beside its predictor: all numbers as one record, and the curves.
 */
import type { Fingerprint } from '../predictor/index.ts'
import { lineChartSvg } from '../report/line-chart.ts'
import type { ImportanceRecord } from '../traces/importance-record.ts'
import { digestOf, type TraceSource } from './dataset.ts'
import type { TrainingSettings } from './settings.ts'
import type { TrainingResult } from './train-predictor.ts'
import type { EpochEntry } from './training-state.ts'

const trainingSchema = 'dynts.training/1'

/** One JSON object; NaN becomes null when it is written. */
export function trainingRecord(
  result: TrainingResult,
  source: TraceSource,
  settings: TrainingSettings,
  versions: Readonly<Record<string, string>>,
) {
  const { plan, history, best, problem, throughput } = result
  const { split, shape, batch, stepsPerEpoch, steps, shrunk } = plan
  const { model, label, kvType, tokensPerTrace } = source.manifest
  const side = (records: readonly ImportanceRecord[], questions: number) => {
    return {
      traces: records.length,
      questions,
      tokens: records.reduce((sum, { storedTokens }) => sum + storedTokens, 0),
    }
  }
  return {
    schema: trainingSchema,
    versions,
    model: model satisfies Fingerprint,
    shape,
    settings,
    seed: settings.seed,
    data: {
      digest: digestOf(source),
      label,
      kvType,
      tokensPerTrace,
      training: side(split.training, split.trainingQuestions),
      heldOut: side(split.heldOut, split.heldOutQuestions),
    },
    steps,
    stepsPerEpoch,
    batch,
    batchShrunk: shrunk,
    history,
    best: best?.entry ?? null,
    problem: problem ?? null,
    throughput: throughput ?? null,
  }
}

/** Loss and agreement over the epochs, as SVG. */
export async function trainingCurves(title: string, history: readonly EpochEntry[]): Promise<string> {
  const points = (of: (entry: EpochEntry) => number | null) =>
    history.map((entry) => [entry.epoch, of(entry) ?? NaN] as const)
  return await lineChartSvg(title, [
    {
      title: 'Loss',
      xLabel: 'epoch',
      yLabel: 'mean squared error',
      series: [
        { name: 'training', points: points(({ trainingMse }) => trainingMse) },
        { name: 'held out', points: points(({ heldOut }) => heldOut.mse) },
      ],
    },
    {
      title: 'Agreement on held-out traces',
      xLabel: 'epoch',
      yLabel: 'tau, or share found',
      series: [
        { name: 'Kendall’s tau', points: points(({ heldOut }) => heldOut.kendallTau) },
        { name: 'true top 20 % in predicted top 30 %', points: points(({ heldOut }) => heldOut.overlap['30'] ?? NaN) },
      ],
    },
  ])
}
