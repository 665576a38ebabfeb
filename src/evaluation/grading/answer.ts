/**
 * The kinds of answers that grading tells apart. Knows nothing of how they are written.
 */
import type { Unit } from './units.ts'

export type Answer =
  | { readonly kind: 'words'; readonly text: string }
  | { readonly kind: 'value'; readonly latex: string; readonly unit: Unit | undefined }
  | { readonly kind: 'based'; readonly digits: string; readonly base: string }
  | { readonly kind: 'ratio'; readonly parts: readonly string[] }
  /** In any order; `braces`: a set, in which repetition means nothing. */
  | { readonly kind: 'list'; readonly items: readonly Answer[]; readonly braces: boolean }
  /** Ordered: a point, a vector or an interval. */
  | { readonly kind: 'tuple'; readonly open: '(' | '['; readonly close: ')' | ']'; readonly items: readonly Answer[] }
  | { readonly kind: 'matrix'; readonly rows: readonly (readonly Answer[])[] }
  /** `x = 5`; `plain`: the name is one letter or a function, which an answer may leave out. */
  | {
      readonly kind: 'named'
      readonly name: string
      readonly is: Answer
      readonly latex: string
      readonly plain: boolean
    }
  | { readonly kind: 'equation'; readonly left: string; readonly right: string }
  /** One side is larger; `strict`: and not equal. */
  | { readonly kind: 'inequality'; readonly larger: string; readonly smaller: string; readonly strict: boolean }

export function interval(open: '(' | '[', from: string, to: string, close: ')' | ']'): Answer {
  return { kind: 'tuple', open, close, items: [value(from), value(to)] }
}

export function value(latex: string, unit?: Unit): Answer {
  return { kind: 'value', latex, unit }
}
