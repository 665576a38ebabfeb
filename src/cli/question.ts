/**
 * Where the question of `dynts run` comes from: the argument, standard input, or the embedded model's own kind.
 */
import { fstatSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { InputError } from '../errors.ts'
import { generateChainProblem } from '../evaluation/chain-problem.ts'

/** Of the kind that the embedded model knows. */
export const exampleQuestion =
  'Ava has 5 coins. Ben has 3 more than Ava. Cara has twice as many as Ben. How many coins does Cara have?'

/** @throws InputError `no_question` */
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
    return await text(process.stdin)
  } finally {
    clearTimeout(waiting)
  }
}
