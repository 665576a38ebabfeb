/**
 * The words of answers: which runs of letters are words and not products of variables, and which words mean a formula.
 */

/** Commands of functions, which answers also write without the backslash. */
export const functionNames: ReadonlySet<string> = new Set(
  (
    'sin cos tan cot sec csc sinh cosh tanh coth arcsin arccos arctan arccot log ln lg exp max min gcd lcm mod det deg dim ' +
    'arg abs floor ceil'
  ).split(' '),
)

/** Other words that name a command: `pi` is `\pi`. */
export const symbolNames: ReadonlyMap<string, string> = new Map([
  ...'pi alpha beta gamma delta theta lambda sigma omega phi'.split(' ').map((name) => [name, `\\${name}`] as const),
  ['infinity', '\\infty'],
  ['inf', '\\infty'],
  ['oo', '\\infty'],
])

/** Runs of two or three letters that are words; longer runs are taken as words anyway. */
export const shortWords: ReadonlySet<string> = new Set(
  (
    'or no to is if at on of by in cm mm km kg mg ml ft yd mi hr am pm and the yes not all odd six one two ten for are DNE ' +
    'per mph kph min sec day lbs sum set any none red sun mon sat pct'
  ).split(' '),
)

/** Phrases that mean a formula. */
export const phrases: ReadonlyMap<string, string> = new Map([
  ...(
    'no solution|no solutions|no real solution|no real solutions|no roots|no real roots|none|empty set|null set|there are no ' +
    'solutions|there is no solution'
  )
    .split('|')
    .map((phrase) => [phrase, '\\emptyset'] as const),
  ...'all real numbers|all reals|all real x|real numbers|reals|any real number|all real values'
    .split('|')
    .map((phrase) => [phrase, '\\mathbb{R}'] as const),
  ['infinity', '\\infty'],
  ['positive infinity', '\\infty'],
  ['negative infinity', '-\\infty'],
  ['dne', 'does not exist'],
  ['infinitely many solutions', 'infinitely many'],
])

/** Words that before an answer only say that it is one: `the answer is`. */
const leading: ReadonlySet<string> = new Set(
  (
    'the a an final correct answer answers result results solution solutions value values so thus hence therefore we get ' +
    'have it this that there is are equals be to will would must option choice approximately about roughly exactly only just ' +
    'also then total of set let'
  ).split(' '),
)

/** Whether words before an answer only say that it is one. */
export function areLeadingWords(words: string): boolean {
  return words.split(/[\s:,]+/).every((word) => word === '' || leading.has(word))
}

/** Words behind an answer that add nothing to it. */
export const trailingWords =
  /^(?:only|exactly|is the (?:final |correct )?answer|in total|total|altogether|approximately)$/
