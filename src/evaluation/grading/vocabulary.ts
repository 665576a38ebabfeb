/**
 * The words of answers: which runs of letters are words and not products of variables, and which words mean a formula.
 * Knows nothing of how answers are read.
 */

/** Commands of functions, which answers also write without the backslash. */
export const functionNames: ReadonlySet<string> = new Set(
  (
    'sin cos tan cot sec csc sinh cosh tanh coth arcsin arccos arctan arccot log ln lg exp max min gcd lcm mod det deg dim ' +
    'arg'
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
    'per mph kph min sec day lbs sum set any none red sun mon sat'
  ).split(' '),
)

/** Words at the start of what follows a number that make it more than a unit. */
export const conditionWords =
  /^(?:and|or|if|when|where|for|unless|remainder|more|less|fewer|mod|factorial|times|squared|cubed|to|not|then|than)\b/

/** Phrases that mean a formula. */
export const phrases: ReadonlyMap<string, string> = new Map([
  ...['no solution', 'no solutions', 'no real solution', 'no real solutions', 'none', 'empty set'].map(
    (phrase) => [phrase, '\\emptyset'] as const,
  ),
  ...['all real numbers', 'all reals', 'all real x', 'real numbers', 'reals'].map(
    (phrase) => [phrase, '\\mathbb{R}'] as const,
  ),
  ['dne', 'does not exist'],
  ...'zero one two three four five six seven eight nine ten eleven twelve'
    .split(' ')
    .map((word, value) => [word, String(value)] as const),
])

/** Words after a number that multiply it. */
export const multiples: ReadonlyMap<string, string> = new Map([
  ['hundred', '10^{2}'],
  ['thousand', '10^{3}'],
  ['million', '10^{6}'],
  ['billion', '10^{9}'],
  ['trillion', '10^{12}'],
])
