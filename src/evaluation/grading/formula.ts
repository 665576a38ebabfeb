/**
 * Formulas as trees.
 */
export type Formula =
  /** A decimal: `12`, `0.5`. */
  | { readonly kind: 'number'; readonly text: string }
  | { readonly kind: 'symbol'; readonly name: string }
  | { readonly kind: 'call'; readonly head: Head; readonly args: readonly Formula[] }
  /** A function that only has a name, as f in `f(2)`. */
  | { readonly kind: 'apply'; readonly name: string; readonly args: readonly Formula[] }
  /** `Sum` or `Product` of a term for every whole number from `from` to `to`. */
  | {
      readonly kind: 'series'
      readonly head: 'Sum' | 'Product'
      readonly index: string
      readonly from: Formula
      readonly to: Formula
      readonly term: Formula
    }

type Head = OfOne | OfTwo | OfMany

/** Functions of one argument. `Degrees` is the angle of so many degrees. */
export type OfOne =
  | 'Negate'
  | 'Sqrt'
  | 'Exp'
  | 'Ln'
  | 'Sin'
  | 'Cos'
  | 'Tan'
  | 'Cot'
  | 'Sec'
  | 'Csc'
  | 'Arcsin'
  | 'Arccos'
  | 'Arctan'
  | 'Arccot'
  | 'Arcsec'
  | 'Arccsc'
  | 'Sinh'
  | 'Cosh'
  | 'Tanh'
  | 'Coth'
  | 'Abs'
  | 'Floor'
  | 'Ceil'
  | 'Factorial'
  | 'Gamma'
  | 'Degrees'
/** `Log`: number, base. `Root`: number, degree. */
type OfTwo = 'Divide' | 'Power' | 'Root' | 'Log' | 'Mod' | 'Binomial'
export type OfMany = 'Add' | 'Multiply' | 'Max' | 'Min' | 'Gcd' | 'Lcm'

export function number(text: string): Formula {
  return { kind: 'number', text }
}

export function symbol(name: string): Formula {
  return { kind: 'symbol', name }
}

export function call(head: Head, ...args: readonly Formula[]): Formula {
  return { kind: 'call', head, args }
}

/** The formulas that a formula is made of. */
function partsOf(formula: Formula): readonly Formula[] {
  if (formula.kind === 'series') return [formula.from, formula.to, formula.term]
  return formula.kind === 'call' || formula.kind === 'apply' ? formula.args : []
}

export function mentions(formula: Formula, name: string): boolean {
  if (formula.kind === 'symbol') return formula.name === name
  return partsOf(formula).some((part) => mentions(part, name))
}

const constants: ReadonlySet<string> = new Set(['\\pi', 'e', 'i'])

/** The names in a formula that have no value of their own. */
export function variablesOf(formula: Formula): ReadonlySet<string> {
  if (formula.kind === 'symbol') return new Set(constants.has(formula.name) ? [] : [formula.name])
  const inside = new Set(partsOf(formula).flatMap((part) => [...variablesOf(part)]))
  if (formula.kind === 'series') inside.delete(formula.index)
  return inside
}
