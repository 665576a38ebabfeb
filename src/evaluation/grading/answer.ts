/**
 * The kinds of answers that grading tells apart.
 */
import type { Unit } from './units.ts'

export type Answer =
  | { readonly kind: 'words'; readonly text: string }
  | { readonly kind: 'value'; readonly latex: string; readonly unit: Unit | undefined }
  | { readonly kind: 'based'; readonly digits: string; readonly base: string }
  | { readonly kind: 'ratio'; readonly parts: readonly string[] }
  | List
  | Tuple
  | { readonly kind: 'matrix'; readonly rows: readonly (readonly Answer[])[] }
  /** `x = 5`; `plain`: the name alone would be no answer (a letter, a function, words), so that an answer may leave it out. */
  | {
      readonly kind: 'named'
      readonly name: string
      readonly is: Answer
      readonly latex: string
      readonly plain: boolean
    }
  /** Two or more sides. */
  | { readonly kind: 'equation'; readonly sides: readonly string[] }
  | Order
  /** A letter of a choice, and what it says. */
  | { readonly kind: 'choice'; readonly letter: string; readonly is: Answer }
  /** All values of a formula, for every value of its index: `3k`, `k \in \mathbb{Z}`. */
  | { readonly kind: 'family'; readonly latex: string; readonly condition: string }

/** In any order. */
export interface List {
  readonly kind: 'list'
  readonly items: readonly Answer[]
  /** A set, in which repetition means nothing. */
  readonly braces: boolean
  /** `all` and `any`: of conditions, whether they hold together. */
  readonly joined?: 'all' | 'any' | undefined
}

/** Ordered: a point, a vector or an interval. */
export interface Tuple {
  readonly kind: 'tuple'
  readonly open: '(' | '['
  readonly close: ')' | ']'
  readonly items: readonly Answer[]
}

/** `a < b \le c`, from the smallest to the largest. */
export interface Order {
  readonly kind: 'order'
  readonly parts: readonly string[]
  /** Of each sign, whether the parts beside it must differ. */
  readonly strict: readonly boolean[]
  /** Where the variable lies, if it stands alone. */
  readonly interval: Tuple | undefined
  /** Which part that is. */
  readonly variable: string | undefined
}

export function interval(open: '(' | '[', from: string, to: string, close: ')' | ']'): Tuple {
  return { kind: 'tuple', open, close, items: [value(from), value(to)] }
}

export function value(latex: string, unit?: Unit): Extract<Answer, { kind: 'value' }> {
  return { kind: 'value', latex, unit }
}
