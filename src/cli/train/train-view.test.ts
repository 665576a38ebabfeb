import { expect, test } from 'vitest'
import type { ImportanceRecord } from '../../traces/importance-record.ts'
import { parseTrainingSettings } from '../../training/settings.ts'
import type { TrainingPlan } from '../../training/train-predictor.ts'
import { TrainView, trainingSummary } from './train-view.ts'

const entry = (epoch: number, kendallTau: number) => ({
  epoch,
  trainingMse: epoch === 0 ? null : 0.05,
  heldOut: { traces: 3, mse: 0.1234, kendallTau, overlap: { '20': 0.6, '30': 0.812, '40': 0.9, '50': NaN } },
  spread: 0.5,
})
const plan: TrainingPlan = {
  batch: 1,
  stepsPerEpoch: 20,
  steps: 300,
  shrunk: true,
  split: {
    training: new Array<ImportanceRecord>(20),
    heldOut: new Array<ImportanceRecord>(1),
    trainingQuestions: 9,
    heldOutQuestions: 1,
  },
  shape: [8, 16, 4, 1],
  resumedAt: 40,
}

/** What a view writes. */
function written(isTTY: boolean, use: (view: TrainView) => void): string {
  let text = ''
  const stream = { isTTY, columns: 80, write: (piece: string) => (text += piece) } as unknown as NodeJS.WriteStream
  const view = new TrainView(stream, parseTrainingSettings({}))
  use(view)
  view.stop()
  return text
}

test('the plan says what is trained on, why the batch is small, and where it goes on', () => {
  expect(written(false, (view) => view.plan(plan)).split('\n')).toEqual([
    '20 traces of 9 questions to train on, 1 trace of 1 question held out.',
    'A predictor of 8 x 16 x 4 x 1: 300 steps of 1 trace.',
    'The batch cannot be smaller, but only then would 15 epochs give at least 400 steps.',
    'It goes on after step 40.',
    '',
  ])
})

test('an epoch is one line', () => {
  const line = 'epoch  3 of 15: loss 0.0500, held out: MSE 0.123, tau 0.555, top 20 % in predicted top 30 %: 81.2 %\n'
  expect(written(false, (view) => view.epoch(entry(3, 0.555)))).toBe(line)
  expect(written(true, (view) => view.epoch(entry(3, 0.555)))).toBe(line)
  expect(written(false, (view) => view.epoch(entry(0, 0.01)))).toMatch(/^before training: held out: MSE/)
})

test('the throughput is that of what is computed, beside the machine’s', () => {
  const throughput = {
    tokens: 4_632_560,
    seconds: 239,
    flopsPerToken: 918_272,
    flopsPerSecond: 17.8e9,
    machineFlopsPerSecond: 25.6e9,
    ratio: 17.8 / 25.6,
  }
  const result = { plan, history: [], best: undefined, problem: undefined, throughput }
  expect(trainingSummary(result, [])).toContain(
    '4,632,560 tokens in 239 s: 17.8 GFLOP/s performed, 69.5 % of a plain matrix product (25.6 GFLOP/s)',
  )
})

test('the summary has the figures before and after, and the paper’s', () => {
  const best = { entry: entry(7, 0.6), matrices: [] }
  const result = { plan, history: [entry(0, -0.1), entry(7, 0.6)], best, problem: undefined, throughput: undefined }
  expect(trainingSummary(result, ['a.predictor.gguf']).split('\n')).toEqual([
    'held out: 1 trace                    before  epoch 7      paper',
    'mean squared error                    0.123    0.123',
    'Kendall’s tau                        -0.100    0.600',
    'true top 20 % in predicted top 20 %  60.0 %   60.0 %',
    'true top 20 % in predicted top 30 %  81.2 %   81.2 %  over 80 %',
    'true top 20 % in predicted top 40 %  90.0 %   90.0 %',
    'true top 20 % in predicted top 50 %       -        -',
    '',
    'a.predictor.gguf',
  ])
})
