/**
 * Finds the final answer in what a model wrote after its thinking.
 */
import { boxedAnswer } from '../boxed-answer.ts'
import { afterMark } from '../known-answer.ts'

/** `answer is X`, `answer: X`, `answer = X`; what is bold or behind a colon included. */
const answerIs = String.raw`\banswer\b(?:\s+to\s[^.\n]{1,80}?)?[*_]{0,2}\s*(?:\bis\b\s*:?|:|=)`
/** A line that says nothing but `Final answer`: a heading. */
const heading = String.raw`^[ \t]*(?:#{1,6}[ \t]*)?[*_]{0,2}(?:the[ \t]+)?(?:final[ \t]+)?answer[*_]{0,2}[ \t]*$`
const marks = new RegExp(`${answerIs}|${heading}`, 'gim')
const answerTag = /<answer>([^<]*)<\/answer>/gi
/** A formula on lines of its own. */
const display = /^(?:\$\$([^$]+)\$\$|\\\[((?:(?!\\\]).)+)\\\])/s
/** What a sentence says about something: `the sum of all digits is 7`; not what is told in words. */
const predicate = /^(?:\S+\s+){2,}(?:is|are|equals)\s+([-+$\\\d([{√π].*)$/i

/**
 * The final answer of an answer text (without the thinking), as it was written:
 * 1. what is in the last complete `\boxed{...}`;
 * 2. without a box, what follows `####` on the last line;
 * 3. else what is in the last `<answer>...</answer>`;
 * 4. else what follows the last `answer is`, `answer:`, `answer =` or heading `Final answer`, there or on the next line, up
 *    to the sentence's end, without markdown's stars and dollar signs around it. Of a sentence in words that ends in a
 *    value (`the largest number of points is 19`): the value.
 *
 * Undefined if there is none of these. A box that the end of the text cuts off is none. An empty box is an empty answer.
 */
export function extractAnswer(answerText: string): string | undefined {
  const boxed = boxedAnswer(answerText)
  if (boxed !== undefined) return boxed
  const marked = afterMark(answerText)
  if (marked !== undefined) return bare(marked)
  const tagged = [...answerText.matchAll(answerTag)].at(-1)?.[1]
  if (tagged !== undefined) return bare(tagged)
  for (const mark of [...answerText.matchAll(marks)].reverse()) {
    const answer = answerBehind(answerText.slice(mark.index + mark[0].length))
    if (answer !== '') return answer
  }
  return undefined
}

function answerBehind(text: string): string {
  const rest = text.replace(/^(?:[*_]{2}|[\s:])+(?=.)/s, '').trimStart()
  const [, dollars, brackets] = display.exec(rest) ?? []
  const shown = dollars ?? brackets
  if (shown !== undefined) return bare(shown)
  const [line = ''] = rest.split('\n', 1)
  const said = bare(firstSentence(line))
  return bare(predicate.exec(said)?.[1] ?? said)
}

/** Up to a full stop that ends a sentence: one followed by white space, not one in a number. */
function firstSentence(text: string): string {
  const end = text.search(/\.(?:\s|[*_$]*$)/)
  return end < 0 ? text : text.slice(0, end)
}

function bare(text: string): string {
  const trimmed = text.trim().replace(/^[*_]+|[*_]+$/g, '')
  const [, inside] = /^\$\$?([^$]+)\$\$?$/.exec(trimmed) ?? /^\\\(((?:(?!\\\)).)+)\\\)$/s.exec(trimmed) ?? []
  return (inside ?? trimmed).trim()
}
