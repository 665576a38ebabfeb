/**
 * The tasks by name.
 */
import { InputError } from '../../errors.ts'
import { findNamed } from '../../find-named.ts'
import { chain } from './chain.ts'
import { codeTasks } from './code.ts'
import { hubTasks, loadQuestionFile } from './hub-tasks.ts'
import { fileSettings } from './published-settings.ts'
import { puzzleTasks } from './puzzles.ts'
import { recall } from './recall.ts'
import { givenFile } from './task-file.ts'
import type { Task } from './task.ts'

/** A file of the user's. */
const file: Task = {
  name: 'file',
  published: fileSettings,
  async load(options) {
    if (options.file === undefined) {
      throw new InputError(
        'file_needed',
        'The task file needs `file`: JSON Lines, JSON, Parquet or CSV with questions and answers.',
      )
    }
    return await loadQuestionFile('file', await givenFile(options.file, options), options)
  },
}

const tasks = [...hubTasks, ...codeTasks, ...puzzleTasks, chain, recall, file]

/** In the order for tables and help texts. */
export const taskNames: readonly string[] = tasks.map(({ name }) => name)

/** Those whose items can be generated from a seed. */
export const generatedTaskNames = tasks.filter(({ isGenerated }) => isGenerated === true).map(({ name }) => name)

/** @throws InputError `unknown_task`, naming all tasks and the one that was probably meant */
export function findTask(name: string): Task {
  return findNamed(tasks, name, 'task', 'Tasks')
}
