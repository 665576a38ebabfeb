const wide = /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Extended_Pictographic}]/u
const segmenter = new Intl.Segmenter()

/** Columns that a line of text takes on a terminal; East Asian letters and pictographs take two. */
export function textWidth(text: string): number {
  let columns = 0
  for (const { segment } of segmenter.segment(text)) columns += segment === '\t' ? 8 : wide.test(segment) ? 2 : 1
  return columns
}
