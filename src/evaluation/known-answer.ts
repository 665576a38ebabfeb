/**
 * The final answer in what a benchmark gives as its answer: a number, a text, or a worked solution.
 */
import { boxedAnswer } from './boxed-answer.ts'

/**
 * The final answer; undefined if there is none. Of a text: what follows `####` on its last line (GSM8K), a number there
 * without its thousands commas; else what is in the last box; else the text itself, unless it is a worked solution. Numbers
 * become their shortest text (`27.0` is `27`); several answers are joined with commas.
 * @param worked the text explains how the answer is found, so that it is not itself the answer
 */
export function knownAnswer(value: unknown, worked: boolean): string | undefined {
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return String(value)
  if (Array.isArray(value)) {
    const answers = value.map((item) => knownAnswer(item, worked))
    return answers.length === 0 || answers.includes(undefined) ? undefined : answers.join(', ')
  }
  if (typeof value !== 'string') return undefined
  const marked = afterMark(value)
  if (marked !== undefined) return marked
  return boxedAnswer(value) ?? (worked ? undefined : value.trim())
}

/** A whole answer that is one number with commas between its thousands; such a list would have spaces. */
const groupedNumber = /^-?\$?\d{1,3}(?:,\d{3})+(?:\.\d+)?$/

/** What follows `####` on the last line, as GSM8K writes it; a `####` further up is a heading. */
export function afterMark(text: string): string | undefined {
  const [, marked] = /^[ \t]*#{4}[ \t]*([^\s#].*)$/.exec(lastLine(text)) ?? []
  const answer = marked?.trim()
  return answer !== undefined && groupedNumber.test(answer) ? answer.replaceAll(',', '') : answer
}

function lastLine(text: string): string {
  const trimmed = text.trim()
  return trimmed.slice(trimmed.lastIndexOf('\n') + 1)
}
