/**
 * Grading's thread: answers whether two answers agree. It may take for ever; whoever asks ends it.
 */
import { parentPort } from 'node:worker_threads'
import { sameAnswer } from './same-answer.ts'
import { FormulaAlgebra } from './same-formula.ts'

/** Two answers, each with its readings as `readings` gives them. */
export interface Pair {
  readonly given: readonly string[]
  readonly expected: readonly string[]
}

/** `ready` once, at the start; then a verdict for each pair, in order. */
export type FromWorker = 'ready' | { readonly same: boolean }

const algebra = new FormulaAlgebra()
const port = parentPort
port?.on('message', ({ given, expected }: Pair) => {
  let same = false
  try {
    same = sameAnswer(given, expected, algebra)
  } catch {
    // What cannot be read agrees with nothing.
  }
  port.postMessage({ same } satisfies FromWorker)
})
port?.postMessage('ready' satisfies FromWorker)
