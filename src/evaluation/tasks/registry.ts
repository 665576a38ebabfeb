/**
 * The tasks by name.
 */
import { InputError } from '../../errors.ts'
import { didYouMean } from '../../did-you-mean.ts'
import { chain } from './chain.ts'
import { code } from './code.ts'
import { hubTasks, loadQuestionFile } from './hub-tasks.ts'
import { fileSettings } from './published-settings.ts'
import { puzzleTasks } from './puzzles.ts'
import { recall } from './recall.ts'
import type { Task } from './task.ts'

/** A file of the user's. */
const file: Task = {
  name: 'file',
  title: 'own questions',
  published: fileSettings,
  async load(options) {
    if (options.file === undefined) {
      throw new InputError(
        'file_needed',
        'The task file needs `file`: JSON Lines, JSON, Parquet or CSV with questions and answers.',
      )
    }
    return await loadQuestionFile('file', options.file, options)
  },
}

const order = [
  'aime24',
  'aime25',
  'aime26',
  'hmmt25',
  'hmmt26',
  'amc23',
  'gpqa-diamond',
  'gaokao2023en',
  'math500',
  'gsm8k',
  'code',
  'knights',
  'line',
  'chain',
  'recall',
  'file',
] as const
const tasks = [...hubTasks, code, ...puzzleTasks, chain, recall, file]

/** In the order for tables and help texts. */
export const taskNames: readonly string[] = order

/** Those whose items can be generated from a seed. */
export const generatedTaskNames = taskNames.filter((name) => findTask(name).isGenerated === true)

/** @throws InputError `unknown_task`, naming all tasks and the one that was probably meant */
export function findTask(name: string): Task {
  const task = tasks.find((candidate) => candidate.name === name)
  if (task) return task
  const hint = didYouMean(name, taskNames)
  throw new InputError('unknown_task', `There is no task "${name}".${hint} Tasks: ${taskNames.join(', ')}.`)
}
