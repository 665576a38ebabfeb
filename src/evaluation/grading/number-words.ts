/**
 * Numbers in words: `twenty-five`, `one hundred and two`, `two thirds`, `half`, `a dozen`.
 */
const small: ReadonlyMap<string, number> = new Map([
  ...(
    'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen ' +
    'eighteen nineteen'
  )
    .split(' ')
    .map((word, value) => [word, value] as const),
  ...'twenty thirty forty fifty sixty seventy eighty ninety'.split(' ').map((word, i) => [word, 20 + 10 * i] as const),
])
/** Words that multiply what stands before them. */
const multiples: ReadonlyMap<string, bigint> = new Map([
  ['dozen', 12n],
  ['hundred', 100n],
  ['thousand', 1000n],
  ['million', 10n ** 6n],
  ['billion', 10n ** 9n],
  ['trillion', 10n ** 12n],
])
const parts: ReadonlyMap<string, number> = new Map([
  ['half', 2],
  ['halve', 2],
  ['third', 3],
  ['quarter', 4],
  ['fourth', 4],
  ['fifth', 5],
  ['sixth', 6],
  ['seventh', 7],
  ['eighth', 8],
  ['ninth', 9],
  ['tenth', 10],
])

/** How many, as a whole number in digits. */
export function multipleOf(word: string): string | undefined {
  return multiples.get(word.replace(/s$/, ''))?.toString()
}

/** A number in words as LaTeX; undefined for other words. */
export function numberInWords(text: string): string | undefined {
  const words = text
    .toLowerCase()
    .split(/[\s-]+/)
    .filter((word) => word !== '')
  const isNegative = words[0] === 'negative' || words[0] === 'minus'
  const value = isNegative ? undefined : (wholeInWords(words) ?? fractionInWords(words))
  return isNegative ? negated(numberInWords(words.slice(1).join(' '))) : value
}

function negated(value: string | undefined): string | undefined {
  return value === undefined ? undefined : `-${value}`
}

function fractionInWords(words: readonly string[]): string | undefined {
  const last = words.at(-1) ?? ''
  const below = parts.get(last) ?? parts.get(last.replace(/s$/, ''))
  if (below === undefined) return undefined
  const before = words.slice(0, -1)
  if (before.length === 0 || before[0] === 'a') return before.length > 1 ? undefined : `\\frac{1}{${below}}`
  const above = wholeInWords(before)
  return above === undefined ? undefined : `\\frac{${above}}{${below}}`
}

function wholeInWords(words: readonly string[]): string | undefined {
  let total = 0n
  let group: bigint | undefined
  let unit = 100
  for (const [i, word] of words.entries()) {
    const value = small.get(word)
    const multiple = multiples.get(word)
    if (value !== undefined) {
      // Each word is smaller than the one before: twenty five, but not five twenty.
      if (value >= unit || (unit === 10 && value === 0)) return undefined
      group = (group ?? 0n) + BigInt(value)
      unit = value >= 20 ? 10 : 0
    } else if (multiple !== undefined) {
      if (group === undefined && i > 0 && words[i - 1] !== 'a') return undefined
      group = (group ?? 1n) * multiple
      if (multiple > 100n) {
        total += group
        group = undefined
      }
      unit = 100
    } else if (!(word === 'and' && i > 0 && i < words.length - 1) && !(word === 'a' && i === 0)) return undefined
  }
  if (words.length === 0 || (words.length === 1 && words[0] === 'a')) return undefined
  return (total + (group ?? 0n)).toString()
}
