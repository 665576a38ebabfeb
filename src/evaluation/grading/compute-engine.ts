/**
 * The part of compute-engine that grading uses, with types of our own: those of the package do not resolve in Node's module
 * system. Only grading's thread loads this, because it takes about 0.1 s.
 */
import * as library from '@cortex-js/compute-engine'

export interface ComputeEngine {
  /** The tree of a formula in MathJSON as it was written; may contain `Error`. */
  parse(latex: string, options: { readonly canonical: false }): { readonly json: unknown }
  box(mathJson: unknown): { simplify(): { readonly json: unknown } }
}

const { ComputeEngine: Engine } = library as unknown as { ComputeEngine: new () => ComputeEngine }

export function createEngine(): ComputeEngine {
  return new Engine()
}
