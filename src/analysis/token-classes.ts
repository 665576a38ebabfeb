/** Which class of words each token of a text belongs to. */
import type { TaggedWord, WordClass } from './word-tagger.ts'

/**
 * A token has the class of the word that most of its characters are of, spaces not counted; of two with the same number, of the first.
 * One of spaces alone is a function word. One without a text is a part of a character, and has the class of the word that comes next.
 * @param tokens the text of each token; joined, the text that `words` are of
 * @param words ascending, none within another
 */
export function tokenClasses(tokens: readonly string[], words: readonly TaggedWord[]): WordClass[] {
  let start = 0
  let first = 0
  return tokens.map((token) => {
    const end = start + Math.max(token.length, 1)
    while ((words[first]?.end ?? Infinity) <= start) first++
    let best: { readonly wordClass: WordClass; readonly shared: number } | undefined
    for (let i = first; i < words.length; i++) {
      const word = words[i]
      if (!word || word.start >= end) break
      const shared = Math.min(word.end, end) - Math.max(word.start, start)
      if (shared > (best?.shared ?? 0)) best = { wordClass: word.wordClass, shared }
    }
    start += token.length
    return best?.wordClass ?? 'function'
  })
}
