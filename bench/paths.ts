/**
 * Where things are. This file is compiled to bench/dist/bench/, so the project's root is three folders up.
 */
import { fileURLToPath } from 'node:url'

export const root = new URL('../../../', import.meta.url)
const inRoot = (path: string) => fileURLToPath(new URL(path, root))

export const benchFolder = inRoot('bench')
/** The program as users run it, and what `npm run build` makes of it. */
export const program = inRoot('bin/dynts.js')
export const builtProgram = inRoot('dist/cli/main.js')
export const modelsFolder = inRoot('bench/.models')
export const resultsFile = inRoot('bench/results/speed.jsonl')
export const peerPackage = inRoot('bench/node_modules/node-llama-cpp/package.json')
export const tinyModel = {
  model: inRoot('models/tiny/tiny-f16.gguf'),
  predictor: inRoot('models/tiny/tiny-f16.predictor.gguf'),
  calibration: inRoot('models/tiny/tiny-f16.calibration.gguf'),
}
/** A question that the embedded model knows how to answer at length. */
export const tinyProblems = inRoot('models/tiny/problems/test.jsonl')
