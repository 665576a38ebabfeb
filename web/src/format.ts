/** Numbers and tokens in words. */
const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const

export function bytesText(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10))
  const value = bytes / 2 ** (10 * power)
  return `${value >= 100 || power === 0 ? Math.round(value) : value.toFixed(1)} ${units[power] ?? ''}`
}

// Made once: that takes longer than what it does.
const english = new Intl.NumberFormat('en')

export function countText(value: number): string {
  return english.format(Math.round(value))
}

/** `1 eviction`, `2 evictions`. */
export function counted(count: number, word: string): string {
  return `${countText(count)} ${word}${count === 1 ? '' : 's'}`
}

/** White space made visible. */
export function visibleText(text: string): string {
  return text === '' ? '(no text)' : text.replaceAll(' ', '␣').replaceAll('\n', '⏎').replaceAll('\t', '⇥')
}

export function ordinal(n: number): string {
  const last = n % 100
  const ending = last >= 11 && last <= 13 ? 'th' : (['th', 'st', 'nd', 'rd'][n % 10] ?? 'th')
  return `${n}${ending}`
}
