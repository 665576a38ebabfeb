/**
 * Finds the answer that a model put into a box. Knows nothing of what the answer means or whether it is right.
 */

const boxOpening = '\\boxed{'

/**
 * The content of the last complete `\boxed{...}`, nested braces included, without white space around it; undefined if
 * there is none. A box that is cut off by the end of the text does not count; a box inside a box counts as part of it.
 */
export function boxedAnswer(text: string): string | undefined {
  const closings = matchingBraces(text)
  let answer: string | undefined
  let from = 0
  for (;;) {
    const opening = text.indexOf(boxOpening, from)
    if (opening < 0) return answer
    from = opening + boxOpening.length
    const end = closings.get(from - 1)
    if (end === undefined) continue
    answer = text.slice(from, end).trim()
    from = end
  }
}

/** Where each brace that is closed is closed. `\{` and `\}` are characters, not braces. */
function matchingBraces(text: string): ReadonlyMap<number, number> {
  const closings = new Map<number, number>()
  const open: number[] = []
  for (let i = 0; i < text.length; i++) {
    const char = text[i]
    if (char === '\\') i++
    else if (char === '{') open.push(i)
    else if (char === '}') {
      const opening = open.pop()
      if (opening !== undefined) closings.set(opening, i)
    }
  }
  return closings
}
