/**
 * Names in an answer: `Ava, Ben and Cara`, in LaTeX or not.
 */

const commands = /\\(?:text|textbf|textit|textrm|mathrm|mathbf|mathit|operatorname)\s*\{([^{}]*)\}/g
const spaces = /\\(?:[ ,;:!]|quad\b|qquad\b)|~/g
const arrows = /\\(?:rightarrow|to|longrightarrow|Rightarrow)\b|→|->/g

/** In lower case; undefined if something else stands among them, or there is none. */
function nameList(text: string): string[] | undefined {
  const plain = text
    .replace(commands, ' $1 ')
    .replace(arrows, ',')
    .replace(spaces, ' ')
    .replace(/\\[{}]|[{}[\]()$*]/g, ' ')
    .replace(/\.\s*$/, '')
    .replace(/\\?&/g, ',')
  const names = plain
    .split(/[,;\n]|\band\b/i)
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '')
  return names.length > 0 && names.every((name) => /^\p{L}+$/u.test(name)) ? names : undefined
}

/** @param isOrdered whether the order counts; a name that is said twice is never right */
export function sameNames(given: string, expected: string, isOrdered: boolean): boolean {
  const [own, right] = [nameList(given), nameList(expected)]
  if (!own || !right || own.length !== right.length) return false
  if (isOrdered) return own.every((name, i) => name === right[i])
  return [...own].sort().join() === [...right].sort().join()
}
