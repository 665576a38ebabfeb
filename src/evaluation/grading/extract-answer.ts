/**
 * Finds the final answer in what a model wrote after its thinking. Knows nothing of whether the answer is right.
 */
import { boxedAnswer } from '../boxed-answer.ts'
import { afterMark } from '../known-answer.ts'

/** `answer is X`, `answer: X`, `answer = X` up to the end of the line; what is bold or behind a colon included. */
const answerIs = /\banswer\b(?:\s+to\s[^.\n]{1,80}?)?[*_]{0,2}\s*(?:\bis\b\s*:?|:|=)[*_]{0,2}[ \t]*(?=\S)/gi

/**
 * The final answer of an answer text (without the thinking), as it was written:
 * 1. what is in the last complete `\boxed{...}`;
 * 2. without a box, what follows `####` on the last line;
 * 3. else what follows the last `answer is`, `answer:` or `answer =` on its line, up to the sentence's end, without
 *    markdown's stars and dollar signs around it.
 *
 * Undefined if there is none of these. A box that the end of the text cuts off is none. An empty box is an empty answer.
 */
export function extractAnswer(answerText: string): string | undefined {
  const boxed = boxedAnswer(answerText)
  if (boxed !== undefined) return boxed
  const marked = afterMark(answerText)
  if (marked !== undefined) return bare(marked)
  const last = [...answerText.matchAll(answerIs)].at(-1)
  if (!last) return undefined
  const [line = ''] = answerText.slice(last.index + last[0].length).split('\n', 1)
  const answer = bare(firstSentence(line))
  return answer === '' ? undefined : answer
}

/** Up to a full stop that ends a sentence: one followed by white space, not one in a number. */
function firstSentence(text: string): string {
  const end = text.search(/\.(?:\s|[*_$]*$)/)
  return end < 0 ? text : text.slice(0, end)
}

function bare(text: string): string {
  const trimmed = text.trim().replace(/^[*_]+|[*_]+$/g, '')
  const [, inside] = /^\$([^$]+)\$$/.exec(trimmed) ?? /^\\\((.+)\\\)$/.exec(trimmed) ?? []
  return (inside ?? trimmed).trim()
}
