/** Programs: JavaScript that a model writes, run against the tests of a file of the user's, as HumanEval has them. */
import { basename } from 'node:path'
import { z } from 'zod'
import { InputError } from '../../errors.ts'
import type { CodeCheck } from '../code/code-answer.ts'
import { ProgramRunner } from '../code/program-runner.ts'
import { readRows } from '../questions/question-rows.ts'
import { functionPrompt, programPrompt } from './prompts.ts'
import { shortSettings } from './published-settings.ts'
import { checkLimit, loadedTask, type Task, type TaskItem } from './task.ts'

const common = { prompt: z.string().trim().min(1), task_id: z.union([z.string(), z.int()]).optional() }
const tested = z.object({
  ...common,
  test: z.string().trim().min(1),
  entry_point: z.string().regex(/^[A-Za-z_$][\w$]*$/),
})
const printed = z.object({ ...common, output: z.string() })
/** Of a row without `test` it is what is printed that counts. */
const codeRow = z.union([tested, printed])

export const code: Task = {
  name: 'code',
  published: shortSettings,
  async load({ file, limit }) {
    checkLimit(limit)
    if (file === undefined) {
      const fields = 'prompt, test and entry_point (or prompt and output)'
      throw new InputError('file_needed', `The task code needs a file: JSON Lines with ${fields}, in JavaScript.`)
    }
    const rows = await readRows(file, limit)
    const items = rows.map(({ fields, place }, index) => itemOf(fields, `${file}: ${place}`, index))
    await using runner = new ProgramRunner()
    await runner.check()
    return loadedTask('code', basename(file), items)
  },
}

function itemOf(fields: Readonly<Record<string, unknown>>, place: string, index: number): TaskItem {
  const { data: row, error } = codeRow.safeParse(fields)
  if (!row) {
    const missing = error.issues.length > 0 ? ['prompt', 'test', 'entry_point'].filter((name) => !(name in fields)) : []
    const what = missing.length > 0 ? `no ${missing.join(', no ')}` : 'a field that is no text, or empty'
    throw new InputError('invalid_questions', `${place} has ${what}.`)
  }
  if (isPython(`${row.prompt}\n${'test' in row ? row.test : ''}`)) {
    const advice = 'Take the JavaScript version of the data set (HumanEval-X, MultiPL-E).'
    throw new InputError(
      'unsupported_language',
      `${place} is Python, and only JavaScript can be run in safety. ${advice}`,
    )
  }
  const check: CodeCheck =
    'test' in row ? { prompt: `${row.prompt}\n`, test: row.test, entryPoint: row.entry_point } : { output: row.output }
  const prompt = 'test' in row ? functionPrompt(row.prompt, row.entry_point) : programPrompt(row.prompt)
  return { id: String(row.task_id ?? index), index, prompt, expected: JSON.stringify(check), kind: 'code' }
}

function isPython(text: string): boolean {
  return /^\s*(?:async\s+)?def\s+\w+\s*\(.*\)\s*(?:->.*)?:\s*$/m.test(text)
}
