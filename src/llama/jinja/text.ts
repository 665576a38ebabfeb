/** What Python does to texts. Positions and lengths are in characters (code points). */

/** Python's white space; JavaScript's has U+FEFF in addition, and lacks the separators U+001C to U+001F and U+0085. */
const space = '[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]'
const spacesAtStart = new RegExp(`^${space}+`)
const words = new RegExp(`(?:(?!${space})[\\s\\S])+`, 'g')
const onlySpaces = new RegExp(`^${space}+$`)

export const isSpace = (text: string): boolean => onlySpaces.test(text)
export const charactersIn = (text: string): number => Array.from(text).length

/** `strip`, `lstrip`, `rstrip`: of white space, or of the given characters. */
export function strip(text: string, characters: string | undefined, from: 'start' | 'end' | 'both' = 'both'): string {
  if (characters === undefined) {
    const left = from === 'end' ? text : text.replace(spacesAtStart, '')
    return from === 'start' ? left : stripEnd(left)
  }
  const all = Array.from(text)
  const stripped = new Set(characters)
  let [start, end] = [0, all.length]
  while (from !== 'end' && start < end && stripped.has(all[start] ?? '')) start++
  while (from !== 'start' && end > start && stripped.has(all[end - 1] ?? '')) end--
  return all.slice(start, end).join('')
}

/** The expression for the end would be tried at each white space of the text. */
function stripEnd(text: string): string {
  let end = text.length
  while (end > 0 && isSpace(text.charAt(end - 1))) end--
  return text.slice(0, end)
}

/** `split` without a separator, at white space. */
export function splitWords(text: string, most = Infinity): string[] {
  const parts: string[] = []
  for (const { 0: word, index } of text.matchAll(words)) {
    if (parts.length === most) {
      parts.push(stripEnd(text.slice(index)))
      return parts
    }
    parts.push(word)
  }
  return parts
}

/** @throws Error for an empty separator */
export function split(text: string, separator: string, most = Infinity): string[] {
  if (separator === '') throw new Error('the separator is empty')
  const parts = text.split(separator)
  return parts.length - 1 <= most ? parts : [...parts.slice(0, most), parts.slice(most).join(separator)]
}

/** @throws Error for an empty separator */
export function splitFromEnd(text: string, separator: string, most = Infinity): string[] {
  const parts = split(text, separator)
  const kept = parts.length - most
  return kept <= 1 ? parts : [parts.slice(0, kept).join(separator), ...parts.slice(kept)]
}

/** `replace`; `most` times at most, from the left. */
export function replace(text: string, old: string, by: string, most = Infinity): string {
  if (old !== '') {
    const parts = split(text, old, most)
    return parts.join(by)
  }
  const characters = Array.from(text)
  const places = Math.min(most, characters.length + 1)
  return (
    characters.map((character, i) => (i < places ? by + character : character)).join('') +
    (places > characters.length ? by : '')
  )
}

export function title(text: string): string {
  return text.toLowerCase().replace(/\p{L}+/gu, (word) => word.charAt(0).toUpperCase() + word.slice(1))
}

export function capitalize(text: string): string {
  const [first = '', ...rest] = Array.from(text)
  return first.toUpperCase() + rest.join('').toLowerCase()
}
