/** A row of a file of programs as an item, in the layouts of HumanEval, HumanEvalPack, HumanEval-X and MultiPL-E. */
import { z } from 'zod'
import { InputError } from '../../errors.ts'
import type { CodeCheck } from '../code/code-answer.ts'
import { functionPrompt, programPrompt } from './prompts.ts'
import type { TaskItem } from './task.ts'

type Fields = Readonly<Record<string, unknown>>

const common = { prompt: z.string().trim().min(1), task_id: z.union([z.string(), z.int()]).optional() }
const identifier = /^[A-Za-z_$][\w$]*$/
const tested = z.object({ ...common, test: z.string().trim().min(1), entry_point: z.string().regex(identifier) })
const printed = z.object({ ...common, output: z.string() })
/** Of a row without `test` it is what is printed that counts. */
const codeRow = z.union([tested, printed])

/** @param place of the row, for messages @throws InputError `invalid_questions`, `unsupported_language` */
export function codeItem(fields: Fields, place: string, index: number): TaskItem {
  const named = withUsualNames(fields)
  const { data: row, error } = codeRow.safeParse(named)
  if (!row) {
    const missing = error.issues.length > 0 ? ['prompt', 'test', 'entry_point'].filter((name) => !(name in named)) : []
    const what = missing.length > 0 ? `no ${missing.join(', no ')}` : 'a field that is no text, or empty'
    throw new InputError('invalid_questions', `${place} has ${what}.`)
  }
  refuseOtherLanguage(`${row.prompt}\n${'test' in row ? row.test : ''}`, fields['language'], place)
  const check: CodeCheck =
    'test' in row ? { prompt: `${row.prompt}\n`, test: row.test, entryPoint: row.entry_point } : { output: row.output }
  const prompt = 'test' in row ? functionPrompt(row.prompt, row.entry_point) : programPrompt(row.prompt)
  return { id: String(row.task_id ?? index), index, prompt, expected: JSON.stringify(check), kind: 'code' }
}

/** MultiPL-E calls them `name` and `tests`, and says the function's name in these alone; HumanEval-X says it in `declaration`. */
function withUsualNames(fields: Fields): Fields {
  const {
    test = fields['tests'],
    task_id = fields['name'],
    entry_point = namedFunction(test, fields['declaration']),
  } = fields
  const usual = Object.entries({ test, task_id, entry_point }).filter(([, value]) => value !== undefined)
  return { ...fields, ...Object.fromEntries(usual) }
}

function namedFunction(test: unknown, declaration: unknown): string | undefined {
  const [, tested] = /\bcandidate\s*=\s*([A-Za-z_$][\w$]*)/.exec(textOf(test)) ?? []
  const [, declared] = /\b(?:const|function|let|var)\s+([A-Za-z_$][\w$]*)/.exec(textOf(declaration)) ?? []
  return tested ?? declared
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function refuseOtherLanguage(code: string, language: unknown, place: string): void {
  const isPython = /^\s*(?:async\s+)?def\s+\w+\s*\(.*\)\s*(?:->.*)?:\s*$/m.test(code)
  const told = textOf(language)
  if (!isPython && (told === '' || /^(?:js|javascript)$/i.test(told))) return
  throw new InputError(
    'unsupported_language',
    `${place} is ${isPython ? 'Python' : told}, and only JavaScript can be run in safety. Take the JavaScript version of the data set (HumanEval-X, MultiPL-E).`,
  )
}
