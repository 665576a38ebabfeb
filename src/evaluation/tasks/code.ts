/** Programs: JavaScript that a model writes, run against the tests of a problem, as HumanEval has them. */
import { ProgramRunner } from '../code/program-runner.ts'
import { readRows } from '../questions/question-rows.ts'
import { codeItem } from './code-rows.ts'
import { shortSettings } from './published-settings.ts'
import { shippedPrograms } from './shipped-problems.ts'
import { givenFile, pinnedFile, type TaskFile } from './task-file.ts'
import { checkLimit, loadedTask, type Task, type TaskLoadOptions } from './task.ts'

const humanEvalSource =
  'bigcode/humanevalpack@48dbcf3b8935a9f4077f4f0622c9a931f5a453a5/data/js/data/humanevalpack.jsonl'

export const codeTasks: readonly Task[] = [
  codeTask('humaneval-js', async (options) => await pinnedFile(humanEvalSource, options)),
  codeTask('code', () => Promise.resolve({ path: shippedPrograms(), source: 'shipped programs' })),
]

function codeTask(name: string, own: (options: TaskLoadOptions) => Promise<TaskFile>): Task {
  return {
    name,
    hasFixedFields: true,
    published: shortSettings,
    async load(options) {
      const { file, limit } = options
      checkLimit(limit)
      const { path, source } = await (file === undefined ? own(options) : givenFile(file, options))
      const rows = await readRows(path, limit)
      const items = rows.map(({ fields, place }, index) => codeItem(fields, `${path}: ${place}`, index))
      await using runner = new ProgramRunner()
      await runner.check()
      return loadedTask(name, source, items)
    },
  }
}
