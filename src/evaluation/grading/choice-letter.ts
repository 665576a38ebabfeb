/**
 * The letter of a choice, in tasks that offer up to 26 of them.
 */

/** A letter alone, with or without brackets. */
const onlyLetter = /^\(?\s*([A-Z])\s*\)?[.,;:]?$/i
/** A letter in brackets, or with a mark or a reason behind it, and what is said about the choice. */
const labelled =
  /^(?:\(\s*([A-Za-z])\s*\)|([A-Z])(?:[.):;]|(?=\s+[-\u2013\u2014(])|(?=,?\s+(?:because|since|as|due to|is (?:the )?(?:correct|right))\b)))\s*(.*)$/s
/** What makes an answer more than one choice. `I` may be a word, and `A` behind `because`. */
const further =
  /\(\s*[A-Z]\s*\)|^[A-Z][.):;]|^[A-Z]$|\bbecause [B-HJ-Z]\b|^(?:[\s,;/&\u2013\u2014-]|and\b|or\b)+\(?(?:[A-HJ-Z]\b|I\b(?!,?\s+[a-z]))/

/**
 * The letter of a choice in `B`, `(b)`, `\text{(B) because}`, `B. because`, `\(B\)`, `B;` or `option B`; else the text itself,
 * also where it only begins with a letter (`a proton`, `C-14`) or names several (`A and B`).
 */
export function choiceLetter(answer: string): string {
  const plain = answer.replaceAll(/\\(?:[a-z]+|[,;:! ()[\]])|[{}[\]$*"\s]+/gi, ' ').trim()
  const bare = plain.replace(/^(?:(?:the|choice|option|answer|is)\b[\s:]*)+/i, '')
  const [, alone] = onlyLetter.exec(bare) ?? []
  const [, bracketed, marked, rest = ''] = labelled.exec(bare) ?? []
  const label = further.test(rest) ? undefined : (bracketed ?? marked)
  return (alone ?? label ?? bare).toUpperCase()
}
