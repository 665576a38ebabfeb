/** The options of a task's questions: the same for every command that asks them. */
import type { Command } from 'commander'
import { InputError } from '../../errors.ts'
import { generatedTaskNames } from '../../evaluation/tasks/registry.ts'
import type { Task } from '../../evaluation/tasks/task.ts'
import { number } from './option-values.ts'

/** As commander gives them. */
export interface TaskFlags {
  readonly file?: string
  readonly questionField?: string
  readonly answerField?: string
  readonly idField?: string
  readonly generateSeed?: number
}

export function addTaskOptions(command: Command): Command {
  return command
    .option(
      '--file <file>',
      'other questions than the task’s: JSON Lines, JSON, Parquet or CSV, here or on the Hub (hf:user/name/FILE)',
    )
    .option('--generate-seed <n>', `tasks ${generatedTaskNames.join(', ')}: generate all items from this seed`, number)
    .option('--question-field <name>', 'field of the question (default: the usual names)')
    .option('--answer-field <name>', 'field of the right answer (default: the usual names)')
    .option('--id-field <name>', 'field of the question’s id (default: the usual names, else a hash)')
}

/** What would have no effect is refused. @throws InputError `invalid_option` */
export function checkTaskFlags(flags: TaskFlags, tasks: readonly Task[]): void {
  const { file, generateSeed, questionField, answerField, idField } = flags
  if (generateSeed !== undefined && (file !== undefined || tasks.some(({ isGenerated }) => isGenerated !== true))) {
    const which = generatedTaskNames.join(', ')
    throw new InputError('invalid_option', `--generate-seed is for ${which} only, and not together with --file`)
  }
  if (![questionField, answerField, idField].some((field) => field !== undefined)) return
  const fixed = tasks.find(({ hasFixedFields }) => hasFixedFields)
  if (file === undefined || fixed) {
    const why = fixed ? `; of ${fixed.name} the names of the fields are fixed` : ''
    throw new InputError('invalid_option', `--question-field, --answer-field and --id-field are for a --file${why}`)
  }
}
