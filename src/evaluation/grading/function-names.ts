/**
 * The commands that formulas may use: letters, functions, brackets.
 */
import type { OfMany, OfOne } from './formula.ts'

/** Commands that are letters. */
export const letterCommands: ReadonlySet<string> = new Set(
  (
    'alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi psi omega ' +
    'Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega ell hbar infty'
  )
    .split(' ')
    .map((name) => `\\${name}`),
)

/** Functions that are written before their argument, with or without brackets. */
export const functionsOfOne: ReadonlyMap<string, OfOne> = new Map<string, OfOne>([
  ['\\exp', 'Exp'],
  ['\\ln', 'Ln'],
  ['\\sin', 'Sin'],
  ['\\cos', 'Cos'],
  ['\\tan', 'Tan'],
  ['\\cot', 'Cot'],
  ['\\sec', 'Sec'],
  ['\\csc', 'Csc'],
  ['\\arcsin', 'Arcsin'],
  ['\\arccos', 'Arccos'],
  ['\\arctan', 'Arctan'],
  ['\\arccot', 'Arccot'],
  ['\\sinh', 'Sinh'],
  ['\\cosh', 'Cosh'],
  ['\\tanh', 'Tanh'],
  ['\\coth', 'Coth'],
  ['\\abs', 'Abs'],
  ['\\floor', 'Floor'],
  ['\\ceil', 'Ceil'],
])

/** What `^{-1}` makes of a function. */
export const inverses: ReadonlyMap<OfOne, OfOne> = new Map<OfOne, OfOne>([
  ['Sin', 'Arcsin'],
  ['Cos', 'Arccos'],
  ['Tan', 'Arctan'],
  ['Cot', 'Arccot'],
  ['Sec', 'Arcsec'],
  ['Csc', 'Arccsc'],
])

/** Functions of a list in brackets. */
export const functionsOfMany: ReadonlyMap<string, OfMany> = new Map<string, OfMany>([
  ['\\max', 'Max'],
  ['\\min', 'Min'],
  ['\\gcd', 'Gcd'],
  ['\\lcm', 'Lcm'],
])

/** Pairs of brackets that only group. */
export const brackets: ReadonlyMap<string, string> = new Map([
  ['(', ')'],
  ['[', ']'],
  ['{', '}'],
  ['\\{', '\\}'],
])

export const roundings: ReadonlyMap<string, readonly [close: string, head: OfOne]> = new Map([
  ['\\lfloor', ['\\rfloor', 'Floor']],
  ['\\lceil', ['\\rceil', 'Ceil']],
])

/** Letters that name functions by custom, so that `f(x+1)` is no product. */
export const functionLetters: ReadonlySet<string> = new Set('f g h F G H \\Gamma \\zeta'.split(' '))
