/** East Asian letters and signs, and what is shown as a picture; not the half-width forms. */
const wide =
  /^(?![\uFF61-\uFFDC])(?:[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}\u3001-\u303E\uFF01-\uFFE6]|.\uFE0F)/u
const segmenter = new Intl.Segmenter()

/** Columns that a line of text takes on a terminal. A tab counts as eight. */
export function textWidth(text: string): number {
  let columns = 0
  for (const { segment } of segmenter.segment(text)) columns += segment === '\t' ? 8 : wide.test(segment) ? 2 : 1
  return columns
}
