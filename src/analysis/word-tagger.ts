/**
 * Classes of words by part of speech: content, function, and a third for numbers and symbols. English only.
 *
 * Source: arXiv 2601.18383, Figure 9, which knows the first two: numbers and symbols are function words there.
 */

export const wordClasses = ['content', 'function', 'symbol'] as const
export type WordClass = (typeof wordClasses)[number]

/** A word of a text, or a mark: the characters start .. end - 1. */
export interface TaggedWord {
  readonly start: number
  readonly end: number
  readonly wordClass: WordClass
}

/** The words of a text, in its order, without its spaces. */
export type WordTagger = (text: string) => TaggedWord[]

const contentTags: ReadonlySet<string> = new Set(['NOUN', 'VERB', 'ADJ', 'ADV', 'PROPN'])
const symbolTags: ReadonlySet<string> = new Set(['NUM', 'SYM'])

/** Loads the tagger: wink-nlp with its small English model. */
export async function loadWordTagger(): Promise<WordTagger> {
  // Loaded here, because the model is large and only this needs it.
  const [{ default: winkNlp }, { default: english }] = await Promise.all([
    import('wink-nlp'),
    import('wink-eng-lite-web-model'),
  ])
  const nlp = winkNlp(english, ['pos'])
  return (text) => {
    // Of the two apostrophes the tagger knows one.
    const read = text.replaceAll('’', "'")
    const tokens = nlp.readDoc(read).tokens()
    // eslint-disable-next-line @typescript-eslint/unbound-method -- not called, but compared
    return placed(read, tokens.out(), tokens.out<string>(nlp.its.pos))
  }
}

function placed(text: string, words: readonly string[], tags: readonly string[]): TaggedWord[] {
  let end = 0
  return words.map((word, i) => {
    const start = text.indexOf(word, end)
    if (start < 0 || text.slice(end, start).trim() !== '') throw new Error(`the tagger made up "${word}"`)
    end = start + word.length
    return { start, end, wordClass: classOf(tags[i] ?? '', isCommand(text, start, word)) }
  })
}

/** Whether a word is a command of LaTeX, as `frac` in `\frac`, or its backslash. */
function isCommand(text: string, start: number, word: string): boolean {
  return word === '\\' || text[start - 1] === '\\'
}

function classOf(tag: string, isCommand: boolean): WordClass {
  if (isCommand || symbolTags.has(tag)) return 'symbol'
  return contentTags.has(tag) ? 'content' : 'function'
}
