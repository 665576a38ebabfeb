/**
 * Finds the answer that a model put into a box. Knows nothing of what the answer means or whether it is right.
 */

const boxOpening = '\\boxed{'

/**
 * The content of the last complete `\boxed{...}`, nested braces included, without white space around it; undefined if
 * there is none. A box that is cut off by the end of the text does not count; a box inside a box counts as part of it.
 */
export function boxedAnswer(text: string): string | undefined {
  let answer: string | undefined
  let from = 0
  for (;;) {
    const opening = text.indexOf(boxOpening, from)
    if (opening < 0) return answer
    from = opening + boxOpening.length
    const end = closingBrace(text, from)
    if (end === undefined) continue
    answer = text.slice(from, end).trim()
    from = end
  }
}

/** Where the brace that was opened before `from` is closed. `\{` and `\}` are characters, not braces. */
function closingBrace(text: string, from: number): number | undefined {
  let depth = 1
  for (let i = from; i < text.length; i++) {
    const char = text[i]
    if (char === '\\') i++
    else if (char === '{') depth++
    else if (char === '}' && --depth === 0) return i
  }
  return undefined
}
