/** Texts, brackets and what stands between them. */
const pieces = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g

/**
 * The value of an object's member as it is written: numbers keep all their digits.
 * @param json an object that `JSON.parse` takes
 * @returns undefined if there is no such member; of several the last, as in `JSON.parse`
 */
export function memberText(json: string, name: string): string | undefined {
  let depth = 0
  let key: string | undefined
  let start: number | undefined
  let found: string | undefined
  for (const { 0: piece, index } of json.matchAll(pieces)) {
    const closes = piece === '}' || piece === ']'
    if (depth === 1 && (piece === ',' || closes)) {
      if (key === name && start !== undefined) found = json.slice(start, index).trim()
      key = start = undefined
    } else if (depth === 1 && piece === ':') start = index + 1
    else if (depth === 1 && start === undefined) key = JSON.parse(piece) as string
    if (closes) depth--
    else if (piece === '{' || piece === '[') depth++
  }
  return found
}
