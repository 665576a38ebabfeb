import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { LlamaContext, LlamaModel, loadLibrary } from '../../src/llama/index.ts'
import {
  ImportancePredictor,
  readCheckpoint,
  readSafetensorsPredictor,
  writeCheckpoint,
  type PredictorCheckpoint,
} from '../../src/predictor/index.ts'
import { importanceOracle, maxDifference, predictorSafetensors, tinyF32, oraclePredictor } from '../oracle.ts'

let model: LlamaModel
const folder = mkdtempSync(join(tmpdir(), 'dynts-predictor-'))

beforeAll(() => {
  model = LlamaModel.load(loadLibrary('off'), tinyF32)
})
afterAll(() => {
  model.dispose()
  rmSync(folder, { recursive: true })
})

test('predicted importance of every thinking token, against the oracle', async () => {
  const checkpoint = await readCheckpoint(oraclePredictor)
  using predictor = new ImportancePredictor(model, checkpoint, 1)
  for (const trace of importanceOracle().traces.slice(0, 20)) {
    using context = LlamaContext.create(model, {
      cellsPerSequence: 1024,
      kvType: 'f32',
      threads: 1,
      outputRows: 512,
      flashAttention: false,
    })
    const thinking = trace.tokens.slice(trace.promptTokens, trace.thinkEnd)
    context.append(0, trace.tokens.slice(0, trace.promptTokens), 0, 'none')
    const states = new Float32Array(thinking.length * model.hiddenSize)
    for (let from = 0; from < thinking.length; from += 512) {
      const chunk = thinking.slice(from, from + 512)
      context.append(0, chunk, trace.promptTokens + from, 'all')
      chunk.forEach((_, i) => states.set(context.hiddenState(i), (from + i) * model.hiddenSize))
    }
    expect(maxDifference(predictor.scores(states, thinking.length), trace.predicted)).toBeLessThan(1e-3)
  }
})

test('a block of any length gives the scores that single tokens give', async () => {
  using predictor = new ImportancePredictor(model, await readCheckpoint(oraclePredictor), 1)
  const states = Float32Array.from({ length: 77 * 256 }, (_, i) => Math.sin(i))
  const together = predictor.scores(states, 77)
  for (const i of [0, 1, 40, 76]) {
    const alone = predictor.scores(states.slice(i * 256, (i + 1) * 256), 1)
    expect(alone[0]).toBeCloseTo(together[i]!, 4)
  }
})

test('a checkpoint is read back as it was written', async () => {
  const matrices = await readSafetensorsPredictor(predictorSafetensors)
  const checkpoint: { -readonly [key in keyof PredictorCheckpoint]: PredictorCheckpoint[key] } = {
    matrices,
    target: 'power:0.3',
    label: 'mix:32',
    model: { architecture: 'qwen2', hiddenSize: 256, layers: 6, vocabularySize: 768, name: 'tiny' },
    budget: 320,
    localWindow: 32,
    ratio: 0.4,
    diversity: 0.1,
    heldOut: { traces: 100, mse: 0.0511, kendallTau: 0.555, overlap: { '20': 0.683, '30': 0.826 } },
  }
  const path = join(folder, 'predictor.gguf')
  writeCheckpoint(model.library, path, checkpoint)
  expect(await readCheckpoint(path)).toEqual(checkpoint)

  const { matrices: same, target, model: of } = checkpoint
  const small = { matrices: same, target, model: of, policy: 'dynts-diverse', evictEvery: 16 }
  writeCheckpoint(model.library, path, small)
  expect(await readCheckpoint(path)).toEqual(small)
  const refused = async (more: Partial<PredictorCheckpoint>) => {
    writeCheckpoint(model.library, path, { ...checkpoint, ...more })
    return await readCheckpoint(path).then(
      () => undefined,
      (error: unknown) => (error as Error).message,
    )
  }
  for (const policy of ['./mine.ts', 'question-window', 'newer'])
    expect(await refused({ policy })).toMatch(/recommends a policy that this version of dynts does not have/)
  for (const diversity of [-0.1, NaN, Infinity])
    expect(await refused({ diversity })).toMatch(/its diversity is not a number of 0 or more/)
  expect(await refused({ ratio: 0.4, evictEvery: 16 })).toMatch(/a ratio and a number of cells at once/)

  writeCheckpoint(model.library, path, { ...checkpoint, target: 'square' as 'linear' })
  await expect(readCheckpoint(path)).rejects.toMatchObject({
    code: 'invalid_predictor',
    message: `${path} is not a usable importance predictor: its target "square" is unknown.`,
  })
  writeCheckpoint(model.library, path, { ...checkpoint, label: 'soon' as 'answer' })
  await expect(readCheckpoint(path)).rejects.toThrow('its label "soon" is unknown')
  delete checkpoint.label
  writeCheckpoint(model.library, path, checkpoint)
  expect(await readCheckpoint(path)).toEqual(checkpoint)
})
