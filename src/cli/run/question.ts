/**
 * Where the question of `dynts run` comes from: the argument, standard input, or the embedded model's own kind.
 */
import { fstatSync } from 'node:fs'
import { isUtf8 } from 'node:buffer'
import { buffer } from 'node:stream/consumers'
import { InputError } from '../../errors.ts'
import { generateChainProblem } from '../../evaluation/chain-problem.ts'
import { refuseUtf16 } from '../../records/input-file.ts'

/** Of the kind that the embedded model knows. */
export const exampleQuestion =
  'Ava has 5 coins. Ben has 3 more than Ava. Cara has twice as many as Ben. How many coins does Cara have?'

/** @throws InputError `no_question`; `invalid_question` for what is no text in UTF-8 */
export async function readQuestion(
  argument: string | undefined,
  options: { readonly demo: boolean; readonly isEmbeddedModel: boolean; readonly seed: number },
): Promise<string> {
  if (options.demo && !options.isEmbeddedModel) {
    throw new InputError('no_question', '--demo poses a question that only the embedded model knows: leave out --model')
  }
  if (options.demo && argument !== undefined) {
    throw new InputError('no_question', '--demo poses a question of its own: leave out yours')
  }
  if (argument !== undefined && argument.trim() === '') {
    throw new InputError('no_question', 'the question is empty: dynts run "your question"')
  }
  const given = options.demo
    ? ''
    : argument === undefined || argument === '-'
      ? await readStdin(argument === '-')
      : argument
  if (given.trim() !== '') return given.trim()
  if (options.isEmbeddedModel && argument !== '-') return demoQuestion(options.seed)
  throw new InputError('no_question', 'there is no question: dynts run --model MODEL "your question"')
}

/** Long enough that the embedded model's budget is reached several times. */
export function demoQuestion(seed: number): string {
  return generateChainProblem(seed, { people: 16 }).question
}

/** A pipe or a file is read by itself, a terminal only when it was asked for: it would wait for input unawares. */
async function readStdin(asked: boolean): Promise<string> {
  try {
    const stat = fstatSync(0)
    if (!asked && !stat.isFIFO() && !stat.isFile() && !stat.isSocket()) return ''
  } catch {
    return ''
  }
  const waiting = setTimeout(() => process.stderr.write('reading the question from standard input ...\n'), 2000)
  try {
    return decode(await buffer(process.stdin))
  } finally {
    clearTimeout(waiting)
  }
}

function decode(bytes: Buffer): string {
  const codes = { missing: 'no_question', invalid: 'invalid_question' }
  refuseUtf16(bytes, 'standard input', codes)
  if (bytes.includes(0) || !isUtf8(bytes)) {
    throw new InputError(codes.invalid, 'standard input is no text in UTF-8: give the question as UTF-8')
  }
  return bytes.toString('utf8').replace(/^\uFEFF/, '')
}

/** Whether standard input holds something, or may, that is not read because the question is given. */
export function hasUnreadInput(argument: string | undefined): boolean {
  if (argument === undefined || argument === '-') return false
  try {
    const stat = fstatSync(0)
    return stat.isFIFO() || stat.isSocket() || (stat.isFile() && stat.size > 0)
  } catch {
    return false
  }
}
