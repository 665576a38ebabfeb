/** What a puzzle is: a question, and the names that answer it. */
export interface Puzzle {
  readonly question: string
  readonly answer: readonly string[]
}

/** `Ava, Ben and Cara` */
export function listOf(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1) ?? ''}`
}
