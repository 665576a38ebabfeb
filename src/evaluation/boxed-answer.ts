/**
 * Finds the answer that a model put into a box: `\boxed{...}` and its variants.
 */

const boxCommand = /\\(?:boxed|fbox|framebox)(?![A-Za-z])(?:\s*(?=\{)|[ \t]*)/g
/** What a box without braces holds: `\boxed 5`. */
const unbraced = /-?[\d.,]*\d|[A-Za-z]/y
/** What may stand between the boxes of one answer, apart from a name such as `x_2 =` before the next box. */
const joining =
  /^(?:[\s,;&$]|\\[,;:!()[\] \\]|\\q?quad(?![a-z])|\\text\{[\s,;]*(?:and|or)?\s*\}|(?<![a-z])(?:and|or)(?![a-z]))*$/i
const nameBefore = /([A-Za-z](?:_(?:\w|\{\w+\}))?\s*=)[\s$]*$/

interface Box {
  readonly content: string
  readonly from: number
  readonly end: number
}

/**
 * The content of the last box, nested braces included, without white space around it. Boxes that only `and`, `or`, commas and
 * names (`y =`) separate are one answer, joined by commas. Undefined if there is no box, and if the last one is cut off by the
 * end of the text. A box inside a box counts as part of it.
 */
export function boxedAnswer(text: string): string | undefined {
  const boxes = boxesOf(text)
  const last = boxes?.at(-1)
  if (!boxes || !last) return undefined
  let first = boxes.length - 1
  while (first > 0 && areJoined(text, boxes[first - 1], boxes[first])) first--
  if (first === boxes.length - 1) return last.content
  const names = boxes.slice(first).map((box, i) => nameOf(text, boxes[first + i - 1]?.end ?? 0, box.from))
  const named = names.every((name) => name !== '')
  const contents = boxes
    .slice(first)
    .map(({ content }, i) => (named ? `${names[i]?.trim() ?? ''} ${content}` : content))
  return [...new Set(contents)].join(', ')
}

function areJoined(text: string, before: Box | undefined, box: Box | undefined): boolean {
  if (!before || !box || before.content === '' || box.content === '') return false
  const between = text.slice(before.end, box.from)
  return joining.test(between.slice(0, between.length - nameOf(between, 0, between.length).length))
}

function nameOf(text: string, from: number, to: number): string {
  return nameBefore.exec(text.slice(Math.max(from, to - 20), to))?.[0] ?? ''
}

/** The complete boxes that are in no other box; undefined if the last box is incomplete. */
function boxesOf(text: string): Box[] | undefined {
  const closings = matchingBraces(text)
  const boxes: Box[] = []
  let covered = 0
  let isComplete = true
  for (const { index, 0: command } of text.matchAll(boxCommand)) {
    const start = index + command.length
    if (index < covered) continue
    unbraced.lastIndex = start
    const end = text[start] === '{' ? closings.get(start) : undefined
    const [bare] = text[start] === '{' ? [] : (unbraced.exec(text) ?? [])
    if (bare !== undefined) boxes.push({ content: bare, from: index, end: start + bare.length })
    else if (end !== undefined) boxes.push({ content: text.slice(start + 1, end).trim(), from: index, end: end + 1 })
    isComplete = bare !== undefined || end !== undefined || text[start] !== '{'
    covered = boxes.at(-1)?.end ?? 0
  }
  return isComplete ? boxes : undefined
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
