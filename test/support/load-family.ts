/** A small model of random weights, ready to run under any policy that it allows. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { calibrate } from '../../src/calibration/calibrate.ts'
import { LoadedModel } from '../../src/engine/loaded-model.ts'
import type { Calibration } from '../../src/eviction/calibration.ts'
import { loadLibrary, LlamaModel } from '../../src/llama/index.ts'
import { inspectGguf } from '../../src/models/gguf-file.ts'
import { mulberry32 } from '../../src/mulberry32.ts'
import { defaultTarget, type PredictorCheckpoint } from '../../src/predictor/index.ts'
import { vocabulary, type ModelPlan } from './families.ts'
import { writeRandomGguf } from './gguf-writer.ts'

/** Random tokens. Not periodic: equal keys would be ties. */
export function randomTokens(count: number, seed: number): number[] {
  const random = mulberry32(seed)
  return Array.from({ length: count }, () => Math.floor(random() * (vocabulary - 1)))
}

/** Of the hidden size of all families. */
function randomPredictor(): PredictorCheckpoint {
  const random = mulberry32(1)
  return {
    matrices: [
      [64, 32],
      [16, 64],
      [1, 16],
    ].map(([rows = 0, columns = 0]) => ({
      rows,
      columns,
      weights: Float32Array.from({ length: rows * columns }, () => (random() - 0.5) * 0.6),
    })),
    target: defaultTarget,
    model: { architecture: '', hiddenSize: 32, layers: 0, vocabularySize: vocabulary, name: '' },
  }
}

/** With a predictor, and a calibration if it can be calibrated. Its file is `model.gguf` in the folder. */
export async function loadFamily(folder: string, { metadata, tensors }: ModelPlan): Promise<LoadedModel> {
  const path = join(folder, 'model.gguf')
  writeFileSync(path, writeRandomGguf(metadata, tensors))
  await inspectGguf(path)
  const calibration = calibrated(path)
  return LoadedModel.load(loadLibrary('off'), path, { threads: 1, predictor: randomPredictor(), calibration })
}

/** Undefined: it is refused. */
function calibrated(path: string): Calibration | undefined {
  using model = LlamaModel.load(loadLibrary('off'), path)
  const steps = calibrate(model, [randomTokens(300, 2)], { threads: 1 })
  try {
    let step = steps.next()
    while (!step.done) step = steps.next()
    return step.value
  } catch (error) {
    expect(error).toMatchObject({ code: 'not_calibratable' })
    return undefined
  }
}
