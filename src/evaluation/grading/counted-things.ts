/**
 * Which words after a number only say what is counted (`5 red apples`), and which change what it means (`5 south`, `5 less`).
 */

/** Words that change a number, or say of what it is only a part. */
const changing: ReadonlySet<string> = new Set(
  (
    'more less fewer least most over under above below before after minus plus negative positive times out or and not to from ' +
    'percent percents half halves double triple twice dozens scores gross hundreds thousands millions billions tens thirds ' +
    'quarters fourths fifths sixths sevenths eighths ninths tenths hundredths squared cubed factorial remainder mod increase ' +
    'increases decrease decreases profits losses loss profit debt debts north south east west left right up down ahead behind ' +
    'late early ago older younger taller shorter longer than if when where unless base with without always sometimes is was ' +
    'has does this its as per between except inclusive exclusive digits pairs towards ones zeros zeroes'
  ).split(' '),
)
const unusualPlurals: ReadonlySet<string> = new Set(
  'people men women children feet teeth mice dice fish sheep deer geese oxen pence vertices radii data'.split(' '),
)
/** What may be counted once. */
const singulars: ReadonlySet<string> = new Set(
  'way solution point unit person student time element root apple'.split(' '),
)

/**
 * Whether words after a number say nothing but what is counted: a noun in the plural, perhaps with words before it, none of
 * which changes the number.
 */
export function isCounted(words: string, amount: string): boolean {
  const all = words.toLowerCase().replace(/\.$/, '').split(/\s+/)
  const last = all.at(-1) ?? ''
  if (all.length > 4 || all.some((word) => !/^[a-z]+(?:[-'][a-z]+)*\.?$/.test(word) || changing.has(word))) return false
  if (amount.trim() === '1' && singulars.has(last)) return true
  return unusualPlurals.has(last) || (/[a-z][^siu]s$/.test(last) && !/(?:wards|less)$/.test(last)) || /ies$/.test(last)
}

/** Whether words before a number say that it is not the answer itself: `less than`, `half of`. */
export function changesMeaning(words: string): boolean {
  return /\b(?:not|less|more|than|fewer|least|most|half|third|quarter|twice|double|triple|minus|negative|except)\b/i.test(
    words,
  )
}

/** Of `square units` 2, of `cubic units` 3, of others 1. */
export function powerOf(words: string): string {
  if (/^(?:square|sq)\b/i.test(words)) return '2'
  return /^(?:cubic|cu)\b/i.test(words) ? '3' : '1'
}

/** What two descriptions count, whatever is said about it. */
export function sameCounted(a: string, b: string): boolean {
  const [left, right] = [a, b].map((words) => words.toLowerCase().replace(/[.,]/g, '').trim().split(/\s+/))
  if (left?.join(' ') === right?.join(' ')) return true
  const noun = (words: readonly string[] = []) => (words.at(-1) ?? '').replace(/s$/, '')
  if (powerOf(a) !== powerOf(b)) return false
  return isCounted(a, '1') && isCounted(b, '1') && noun(left) === noun(right)
}
