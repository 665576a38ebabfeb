/**
 * The record that `dynts run --json` prints for one generation.
 */
import { fingerprint } from '../../engine/locate-model.ts'
import type { Model } from '../../engine/model.ts'
import type { GenerateResult } from '../../engine/types.ts'
import { packageVersion } from '../package-version.ts'
import type { RunFlags } from './run-options.ts'

export function runRecord(result: GenerateResult, model: Model, flags: RunFlags): Record<string, unknown> {
  const { text, thinking, answer, finishReason, thinkingEnd, usage, cache, timing, seed } = result
  const { predictor } = model
  return {
    schema: 'dynts.run/1',
    text,
    thinking,
    answer,
    finishReason,
    thinkingEnd,
    usage,
    cache,
    timing: { loadMs: model.loadMs, ...timing },
    seed,
    model: {
      reference: flags.model,
      path: model.info.path,
      quantization: model.info.quantization,
      ...fingerprint(model.info),
      trainedContext: model.info.trainedContext,
    },
    predictor:
      predictor === undefined ? null : { path: predictor.path, shape: predictor.shape, target: predictor.target },
    settings: { kvType: flags.kvType, threads: model.threads, backend: model.backend, compaction: flags.compaction },
    versions: { dynts: packageVersion(), llamaCpp: model.release },
  }
}
