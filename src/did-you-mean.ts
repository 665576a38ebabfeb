/** Guesses what a mistyped name meant. */
import leven from 'leven'

/**
 * `Did you mean <name>?` with the name that takes the fewest edits, and a space in front, so that it follows a sentence; empty
 * when even that name would change half of what was given.
 */
export function didYouMean(given: string, names: readonly string[]): string {
  const [nearest] = names
    .map((name) => ({ name, edits: leven(given.toLowerCase(), name.toLowerCase()) }))
    .filter(({ name, edits }) => edits <= Math.max(given.length, name.length) / 2)
    .sort((a, b) => a.edits - b.edits)
  return nearest === undefined ? '' : ` Did you mean ${nearest.name}?`
}
