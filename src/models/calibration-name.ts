/** By which names a model's calibration is found. */
import { stemOf, stemsOf } from './predictor-name.ts'

const ending = '.calibration.gguf'

/** `model-Q8_0.gguf` becomes `model-Q8_0.calibration.gguf`; of a split model the part's number is left out. */
export function calibrationName(modelPath: string): string {
  return stemOf(modelPath) + ending
}

/** The name of one for this file alone, then that of one for all quantisations of the model. */
export function calibrationNames(modelPath: string): string[] {
  return stemsOf(modelPath).map((stem) => stem + ending)
}
