/**
 * What a predictor's file says, as `dynts inspect` and `dynts predictor inspect` print it.
 */
import { predictorShape, type PredictorCheckpoint } from '../predictor/index.ts'

/** null: the file does not say. Figures that are not defined become null as JSON. */
export function predictorFacts(checkpoint: PredictorCheckpoint) {
  const { target, label, policy, budget, localWindow, ratio, evictEvery, model, heldOut } = checkpoint
  return {
    schema: 'dynts.inspect.predictor/1',
    shape: predictorShape(checkpoint),
    target,
    label: label ?? null,
    policy: policy ?? null,
    budget: budget ?? null,
    localWindow: localWindow ?? null,
    ratio: ratio ?? null,
    evictEvery: evictEvery ?? null,
    model,
    heldOut: heldOut ?? null,
  }
}
