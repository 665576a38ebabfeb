/**
 * The chain problems that come with the package. The same from `src/` and `dist/`.
 */
import { fileURLToPath } from 'node:url'

/** Path of the 2000 problems to train on, or of the 500 to measure with: JSON Lines with id, people, question and answer. */
export function shippedProblems(name: 'train' | 'test'): string {
  return fileURLToPath(new URL(`../../../models/tiny/problems/${name}.jsonl`, import.meta.url))
}
