/** Guesses what a mistyped name meant. */

/** The name with the fewest edits to `given`, or undefined when even that would change half of it. */
export function nearestName(given: string, names: readonly string[]): string | undefined {
  const ranked = names
    .map((name) => ({ name, edits: editDistance(given.toLowerCase(), name) }))
    .filter(({ name, edits }) => edits <= Math.max(given.length, name.length) / 2)
    .sort((a, b) => a.edits - b.edits)
  return ranked[0]?.name
}

/** Levenshtein distance. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 0; i < a.length; i++) {
    const current = [i + 1]
    for (let j = 0; j < b.length; j++) {
      const replaced = (previous[j] ?? 0) + (a[i] === b[j] ? 0 : 1)
      current.push(Math.min(replaced, (previous[j + 1] ?? 0) + 1, (current[j] ?? 0) + 1))
    }
    previous = current
  }
  return previous[b.length] ?? 0
}
