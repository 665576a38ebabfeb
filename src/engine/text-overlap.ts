/** Length of the longest end of `text` that is a beginning of `word`, but not all of it. */
export function overlap(text: string, word: string): number {
  for (let length = Math.min(text.length, word.length - 1); length > 0; length--) {
    if (word.startsWith(text.slice(-length))) return length
  }
  return 0
}
