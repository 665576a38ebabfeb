/**
 * Logic puzzles that are generated: each has exactly one solution, and its answer is names.
 */
import { InputError } from '../../errors.ts'
import { seedOf } from '../dice.ts'
import type { GradingKind } from '../grading/grade-answer.ts'
import { knightsPuzzle } from '../puzzles/knights.ts'
import { linePuzzle } from '../puzzles/line.ts'
import type { Puzzle } from '../puzzles/puzzle.ts'
import { namesPrompt } from './prompts.ts'
import { shortSettings } from './published-settings.ts'
import { checkLimit, loadedTask, type Task } from './task.ts'

interface PuzzleKind {
  readonly name: string
  readonly draw: (seed: number) => Puzzle
  /** How the names are to be written. */
  readonly wanted: string
  readonly grading: GradingKind
}

const kinds: readonly PuzzleKind[] = [
  {
    name: 'knights',
    draw: knightsPuzzle,
    wanted: 'the names of all knights',
    grading: 'names',
  },
  {
    name: 'line',
    draw: linePuzzle,
    wanted: 'all names from left to right',
    grading: 'order',
  },
]

const defaultSeed = 0
const defaultCount = 200

export const puzzleTasks: readonly Task[] = kinds.map(({ name, draw, wanted, grading }): Task => ({
  name,
  isGenerated: true,
  published: shortSettings,
  load({ generateSeed: seed = defaultSeed, limit, file }) {
    if (file !== undefined) {
      const advice = 'Questions from a file are the task file.'
      throw new InputError('invalid_option', `The puzzles of ${name} are generated, and are in no file. ${advice}`)
    }
    checkLimit(limit)
    const items = Array.from({ length: limit ?? defaultCount }, (_, index) => {
      // The n-th does not depend on those before it.
      const { question, answer } = draw(seedOf(name, seed, index))
      const prompt = namesPrompt(question, wanted)
      return { id: `${seed}-${index}`, index, prompt, expected: answer.join(', '), kind: grading }
    })
    return Promise.resolve(loadedTask(name, `generated from seed ${seed}`, items))
  },
}))
