/**
 * What a scenario is: parts, each on one model, each giving a record of its own.
 */
import type { GpuChoice } from '../src/llama/index.ts'
import type { Bench } from './bench.ts'
import type { Sizes } from './sizes.ts'

export interface Scenario {
  readonly name: string
  /** One line for the help text. */
  readonly summary: string
  /** How often each variant is measured. Default 5. */
  readonly repetitions?: number
  readonly parts: readonly Part[] | ((options: BenchOptions) => readonly Part[])
}

export interface Part {
  /** What tells it from the scenario's other parts on the same model. */
  readonly title?: string | ((sizes: Sizes) => string)
  readonly model: ModelChoice
  /** Adds what it measures to `bench.measurements`, so that a stopped run keeps it. */
  run(bench: Bench): Promise<void>
}

/** `tiny`: the embedded model; `shape`: random weights in the shape that `--shape` names. */
export type ModelChoice = 'tiny' | 'shape'

export interface BenchOptions {
  /** Compute threads; undefined: the engine's default for the model. */
  readonly threads: number | undefined
  readonly repetitions: number | undefined
  /** Decode steps of a measurement; undefined: the scenario's own number. */
  readonly steps: number | undefined
  /** Name of the random model's shape. */
  readonly shape: string
  readonly seed: number
  /** `equal-memory`: bytes of the cache; undefined: what 4 full sequences take. */
  readonly memory: number | undefined
  /** `batch`: run every step of one generation too. */
  readonly checkByRunning: boolean
  /** `batch`: how many sequences share a step, one part for each. */
  readonly sequences: readonly number[]
  readonly gpu: GpuChoice
  readonly json: boolean
}

/** The name of a part in tables and records. */
export function partName({ model, title }: Part, { shape }: BenchOptions, sizes: Sizes): string {
  const name = model === 'tiny' ? 'the embedded model' : `random weights in the shape ${shape}`
  if (title === undefined) return name
  return `${name}, ${typeof title === 'string' ? title : title(sizes)}`
}

/** Ctrl-C. What was measured is kept. */
export class Stopped extends Error {
  constructor() {
    super('stopped')
    this.name = 'Stopped'
  }
}
