/**
 * Training on traces whose importance can be learned: it learns, and goes on after an interruption to the same weights.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { noLock } from '../support/no-lock.ts'
import { DenseTrainer, loadLibrary } from '../../src/llama/index.ts'
import { mulberry32 } from '../../src/mulberry32.ts'
import { evaluatePredictor } from '../../src/training/evaluate-predictor.ts'
import { blockRows, rowBlocks } from '../../src/training/row-blocks.ts'
import { syntheticSource, type SyntheticOptions } from '../../src/training/synthetic.fake.ts'
import { parseTrainingSettings, type TrainingSettings } from '../../src/training/settings.ts'
import { trainPredictor, type TrainOptions } from '../../src/training/train-predictor.ts'
import { bits, randomBatch, randomLayers, shape } from '../support/dense-reference.ts'
import { gradientsOf, withoutMomentum } from '../support/dense-trainers.ts'

const library = loadLibrary('off')
const root = mkdtempSync(join(tmpdir(), 'dynts-train-'))
afterAll(() => rmSync(root, { recursive: true }))

let folders = 0
const freshFolder = () => join(root, `${folders++}.training`)

const small: Partial<TrainingSettings> = { epochs: 6, leastSteps: 60, learningRate: 0.03, seed: 3 }

function train(given: Partial<TrainingSettings> = {}, data: SyntheticOptions = {}, more: Partial<TrainOptions> = {}) {
  return trainPredictor({
    library,
    source: syntheticSource(data),
    settings: parseTrainingSettings({ ...small, ...given }),
    stateFolder: freshFolder(),
    lock: noLock,
    minTraces: 20,
    checkpointSteps: 7,
    threads: 1,
    measureSeconds: 0.01,
    ...more,
  })
}

describe('what can be learned is learned', () => {
  test('on held-out questions the order is found', async () => {
    const { history, best, problem, plan, throughput } = await train()
    expect(problem).toBeUndefined()
    expect(plan).toMatchObject({ stepsPerEpoch: 10, steps: 60, batch: 4, shrunk: true, shape: [8, 16, 4, 1] })
    expect(plan.split).toMatchObject({ trainingQuestions: 18, heldOutQuestions: 2 })
    expect(history.map(({ epoch }) => epoch)).toEqual([0, 1, 2, 3, 4, 5, 6])
    expect(history[0]).toMatchObject({ trainingMse: null })
    expect(best?.entry.heldOut.kendallTau).toBeGreaterThan(0.9)
    expect(best?.entry.heldOut.overlap['30']).toBeGreaterThan(0.95)
    expect(best?.entry.heldOut.mse).toBeLessThan(0.02)
    expect(best?.entry.heldOut.kendallTau).toBe(Math.max(...history.slice(1).map(({ heldOut }) => heldOut.kendallTau)))
    const tokens = 6 * plan.split.training.reduce((sum, { storedTokens }) => sum + storedTokens, 0)
    expect(throughput?.tokens).toBe(tokens)
    expect(throughput?.flopsPerSecond).toBeGreaterThan(0)
  })

  test('evaluating the predictor gives the figures that training gave', async () => {
    const data = { questions: 20, samplesPerQuestion: 1 }
    const source = syntheticSource(data)
    const { best, plan } = await train({ validationShare: 0.5 }, data)
    const checkpoint = { matrices: best!.matrices, target: 'power:0.3', model: source.manifest.model } as const
    const heldOut = { ...source, records: plan.split.heldOut.map(({ id }) => source.records.find((r) => r.id === id)!) }
    const { figures } = await evaluatePredictor(checkpoint, heldOut, { library, threads: 1 })
    expect(figures.traces).toBe(10)
    expect(figures.mse).toBeCloseTo(best!.entry.heldOut.mse, 5)
    expect(figures.kendallTau).toBeCloseTo(best!.entry.heldOut.kendallTau, 2)
  })

  test('with the ranking term too', async () => {
    const { best } = await train({ rankingWeight: 0.5 })
    expect(best?.entry.heldOut.kendallTau).toBeGreaterThan(0.9)
  })

  test.each(['linear', 'x10000', 'box-cox'] as const)('on the scale %s', async (target) => {
    const { best, problem } = await train({ target, epochs: 12, leastSteps: 240 })
    expect(problem).toBeUndefined()
    expect(best?.entry.heldOut.kendallTau).toBeGreaterThan(0.7)
  })
})

describe('a bad predictor is reported', () => {
  test('noise cannot be learned', async () => {
    const { problem } = await train({}, { noise: true, questions: 40 })
    expect(problem?.kind).toBe('useless')
    expect(problem?.why).toMatch(/Kendall’s tau is -?0\.0\d\d|chance/)
  })

  test('a learning rate far too large makes it diverge or constant', async () => {
    const { problem } = await train({ learningRate: 1e6, warmup: 0, clip: 1e9 })
    expect(problem).toBeDefined()
  })
})

describe('interrupted and run again', () => {
  const weightsOf = async (stateFolder: string, more: Partial<TrainOptions> = {}) => {
    const { best, history } = await train({}, {}, { stateFolder, ...more })
    return { weights: best!.matrices.map(({ weights }) => [...weights]), history }
  }

  test('anywhere: the weights and figures are those of an unbroken training', async () => {
    const unbroken = await weightsOf(freshFolder())
    const stateFolder = freshFolder()
    for (const traces of [3, 50, 36 * 2, 36 * 4 + 13]) {
      const controller = new AbortController()
      const onProgress = (done: number) => done >= traces && controller.abort()
      await expect(weightsOf(stateFolder, { signal: controller.signal, onProgress })).rejects.toThrow()
    }
    expect(await weightsOf(stateFolder)).toEqual(unbroken)
    // Nothing is left to do, and the result is the same.
    expect(await weightsOf(stateFolder)).toEqual(unbroken)
  })

  test('after a kill it goes on from the last checkpoint', async () => {
    const unbroken = await weightsOf(freshFolder())
    const stateFolder = freshFolder()
    // As a kill would: nothing is written on the way out.
    const onProgress = (done: number) => {
      if (done >= 66) throw new Error('killed')
    }
    await expect(weightsOf(stateFolder, { onProgress })).rejects.toThrow('killed')
    const resumedAt: number[] = []
    const resumed = await weightsOf(stateFolder, { onPlan: (plan) => resumedAt.push(plan.resumedAt) })
    expect(resumedAt).toEqual([14])
    expect(resumed).toEqual(unbroken)
  })

  test('where every step is a checkpoint, a kill loses none', async () => {
    const unbroken = await weightsOf(freshFolder())
    const stateFolder = freshFolder()
    const onProgress = (done: number) => {
      if (done >= 66) throw new Error('killed')
    }
    const always = { checkpointSeconds: 0, checkpointSteps: undefined }
    await expect(weightsOf(stateFolder, { ...always, onProgress })).rejects.toThrow('killed')
    const resumedAt: number[] = []
    const resumed = await weightsOf(stateFolder, { ...always, onPlan: (plan) => resumedAt.push(plan.resumedAt) })
    expect(resumedAt).toEqual([18])
    expect(resumed).toEqual(unbroken)
  })

  test('another seed gives other weights', async () => {
    const { best } = await train({ seed: 4 })
    const { weights } = await weightsOf(freshFolder())
    expect(best!.matrices.map(({ weights }) => [...weights])).not.toEqual(weights)
  })

  test('with other options or other data it is refused, naming the difference', async () => {
    const stateFolder = freshFolder()
    await train({}, {}, { stateFolder })
    await expect(train({ epochs: 7 }, {}, { stateFolder })).rejects.toThrow(/`epochs` 6, not 7.*`resume: false`/)
    await expect(train({ learningRate: 1 }, {}, { stateFolder })).rejects.toThrow(/`learningRate` 0.03, not 1/)
    await expect(train({}, { questions: 21 }, { stateFolder })).rejects.toThrow(/40 traces then, 42 now/)
  })

  test('a damaged state is refused', async () => {
    const stateFolder = freshFolder()
    await train({ epochs: 1 }, {}, { stateFolder })
    const path = join(stateFolder, 'state.gguf')
    const bytes = readFileSync(path)
    for (const length of [0, 10, 1000, bytes.length - 40]) {
      writeFileSync(path, bytes.subarray(0, length))
      await expect(train({ epochs: 1 }, {}, { stateFolder })).rejects.toMatchObject({ code: 'invalid_training_state' })
    }
  })
})

test('the blocks in which a long trace is computed change no bit of its gradient', async () => {
  const rows = 2 * blockRows + 77
  const batch = randomBatch(rows, 6, mulberry32(1))
  const gradients = async (accumulate: (trainer: DenseTrainer) => void | Promise<void>) => {
    const layers = randomLayers(shape, mulberry32(2))
    using trainer = DenseTrainer.create(library, { layers, threads: 1, optimizer: withoutMomentum, blockRows })
    await accumulate(trainer)
    return bits(gradientsOf(trainer))
  }
  const whole = await gradients((trainer) => trainer.accumulate(batch.states, rows, batch.gradientOf))
  const blocks = await gradients(async (trainer) => {
    for await (const { from, rows: count, states } of rowBlocks(batch.states, rows, undefined))
      trainer.accumulate(states, count, (outputs, row) => batch.gradientOf(outputs, from + row))
  })
  expect(blocks).toEqual(whole)
})

test('too few traces are refused', async () => {
  await expect(train({}, { questions: 6 })).rejects.toMatchObject({ code: 'too_few_traces' })
})
