/** What `dynts trace` samples: the questions of a file, or the items of a task as `dynts eval` asks them. */
import { basename } from 'node:path'
import { defined } from '../../defined.ts'
import { readQuestionFile } from '../../evaluation/questions/question-file.ts'
import { findTask } from '../../evaluation/tasks/registry.ts'
import { isOnHub } from '../../evaluation/tasks/task-file.ts'
import type { TaskLoadOptions } from '../../evaluation/tasks/task.ts'
import { taskQuestion, type TraceQuestion } from '../../traces/trace-question.ts'
import type { TraceFlags } from './trace-options.ts'

export interface AskedQuestions {
  readonly questions: readonly TraceQuestion[]
  /** Rows whose answer is empty. */
  readonly leftOut: number
  /** The file, or where the task's questions come from. */
  readonly source: string
}

/** @throws InputError what reading the file or loading the task throws */
export async function askedQuestions(
  flags: TraceFlags,
  loading: Pick<TaskLoadOptions, 'signal' | 'onDownload'>,
): Promise<AskedQuestions> {
  const { task, questions: path = '', file, questionField, answerField, idField, limit } = flags
  const fields = defined({ questionField, answerField, idField, limit })
  if (task === undefined) {
    const { questions, leftOut } = await readQuestionFile(path, fields)
    return { questions, leftOut: leftOut.length, source: path }
  }
  const { generateSeed, offline } = flags
  const loaded = await findTask(task).load({ ...fields, file, generateSeed, offline, ...loading })
  const source = file === undefined || isOnHub(file) ? loaded.source : basename(file)
  return { questions: loaded.items.map(taskQuestion), leftOut: loaded.leftOut, source }
}
