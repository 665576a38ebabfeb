export {
  isPolicyOfPredictors,
  mismatch,
  predictorArchitecture,
  predictorShape,
  readCheckpoint,
  readMatrix,
  writeCheckpoint,
  type HeldOutFigures,
  type PredictorCheckpoint,
} from './checkpoint.ts'
export { DeferredScorer, scoringBlockLength } from './deferred-scorer.ts'
export { differentFact, fingerprintMetadata, readFingerprint, type Fingerprint } from './fingerprint.ts'
export { findPredictor, predictorFolder } from './find.ts'
export { writeSafetensorsPredictor } from './export-safetensors.ts'
export { readSafetensorsPredictor } from './import-safetensors.ts'
export { ImportancePredictor } from './predictor.ts'
export { defaultLabel, parseLabel, type Label } from './label.ts'
export { defaultTarget, parseTarget } from './target.ts'
