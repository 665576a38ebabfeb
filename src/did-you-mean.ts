/** Guesses what a mistyped name meant. */
import leven from 'leven'

export const didYouMeanStart = ' Did you mean'
/** How many letters of a name tell which one it is. */
const leastOfName = 3

/**
 * `Did you mean <name>?` with the name that was cut short or else takes the fewest edits, and a space in front, so that it
 * follows a sentence; empty when even that name would change more than half of what was given.
 */
export function didYouMean(given: string, names: readonly string[]): string {
  const [nearest] = names
    .map((name) => ({
      name,
      edits: leven(given.toLowerCase(), name.toLowerCase()),
      isCutShort: given.length >= leastOfName && name.toLowerCase().startsWith(given.toLowerCase()),
    }))
    .filter(({ name, edits, isCutShort }) => isCutShort || edits <= Math.max(given.length, name.length) / 2)
    .sort((a, b) => Number(b.isCutShort) - Number(a.isCutShort) || a.edits - b.edits)
  return nearest === undefined ? '' : `${didYouMeanStart} ${nearest.name}?`
}
