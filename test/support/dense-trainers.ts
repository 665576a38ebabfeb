/**
 * Trainers for tests, on the CPU and one thread.
 */
import { onTestFinished } from 'vitest'
import { DenseTrainer, type DenseTrainerOptions } from '../../src/llama/dense-trainer.ts'
import { loadLibrary } from '../../src/llama/library.ts'
import type { DenseLayer } from '../../src/llama/matrix-graph.ts'
import { optimizer } from './dense-reference.ts'

export const library = loadLibrary('off')

/** A trainer that is disposed after the test. */
export function createTrainer(layers: readonly DenseLayer[], options: Partial<DenseTrainerOptions> = {}): DenseTrainer {
  const trainer = DenseTrainer.create(library, { layers, threads: 1, optimizer, ...options })
  onTestFinished(() => trainer.dispose())
  return trainer
}

/** With it the first moments of AdamW are the gradients of the last step. */
export const withoutMomentum = { ...optimizer, beta1: 0 }

/** What was accumulated since the last step, of a trainer without momentum: a step takes it, and changes no weight. */
export function gradientsOf(trainer: DenseTrainer): Float32Array[] {
  trainer.step({ learningRate: 0, clip: Infinity })
  return trainer.state().m
}
