/**
 * The problems that come with the package. The same from `src/` and `dist/`.
 */
import { fileURLToPath } from 'node:url'

/** Path of the 2000 chain problems to train on, or of the 500 to measure with: JSON Lines with id, people, question and answer. */
export function shippedProblems(name: 'train' | 'test'): string {
  return fileURLToPath(new URL(`../../../models/tiny/problems/${name}.jsonl`, import.meta.url))
}

/** Path of the programs to write: JSON Lines with prompt, tests and a solution. */
export function shippedPrograms(): string {
  return fileURLToPath(new URL('../../../problems/programs.jsonl', import.meta.url))
}
