/**
 * Formulas as trees, read from LaTeX by compute-engine's parser. Calculates nothing: compute-engine 0.27, the newest for
 * Node 20, takes 2(1+i) for 2i and a(b+c) for a pair, so its trees are read before it has interpreted them.
 */
import type { ComputeEngine } from './compute-engine.ts'

export type Formula =
  | { readonly kind: 'number'; readonly text: string }
  | { readonly kind: 'symbol'; readonly name: string }
  | { readonly kind: 'call'; readonly head: string; readonly args: readonly Formula[] }

/** Names that compute-engine gives to one thing. */
const sameSymbols: ReadonlyMap<string, string> = new Map([
  ['ImaginaryUnit', 'i'],
  ['ExponentialE', 'e'],
])
/** Functions that are written like a product, as `\exp(x)`. */
const functions: ReadonlySet<string> = new Set(['Exp', 'Binomial', 'Gamma', 'LCM', 'GCD', 'Max', 'Min', 'Mod'])
/** Letters that compute-engine takes for functions, but that are variables in answers. */
const letters: ReadonlySet<string> = new Set(['N', 'D', 'C', 'O'])
/** Commands whose subscript is not part of a name. */
const subscripted: ReadonlySet<string> = new Set(['\\log', '\\sum', '\\prod', '\\int', '\\lim', '\\max', '\\min'])

/** The tree of a formula; undefined for what cannot be read. */
export function parseFormula(latex: string, engine: ComputeEngine): Formula | undefined {
  // Numbers side by side would be read as one.
  if (latex.trim() === '' || /\\(?:text|ldots|begin)(?![a-zA-Z])|(?<![_^])\d\s+[\d.]|\d\.\d*\./.test(latex))
    return undefined
  try {
    return formulaOf(engine.parse(readable(latex), { canonical: false }).json)
  } catch {
    return undefined
  }
}

/** Rewrites what the parser does not know. */
function readable(latex: string): string {
  return latex
    .replace(/\\binom\s*\{([^{}]*)\}\s*\{([^{}]*)\}/g, '\\operatorname{Binomial}($1,$2)')
    .replace(/(?<![A-Za-z\\])C\((\w+),\s*(\w+)\)/g, '\\operatorname{Binomial}($1,$2)')
    .replace(/\\(gcd|lcm)(?![a-zA-Z])/g, '\\operatorname{$1}')
    .replace(/(\\[A-Za-z]+|[A-Za-z])_(?:\{([^{}]*)\}|(\w))/g, (all, base: string, long?: string, short = '') => {
      if (subscripted.has(base)) return all
      return identifier(`${base.replace('\\', '')}sub${long ?? String(short)}`)
    })
    .replace(/([A-Za-z])('+)/g, (_, base: string, primes: string) => identifier(`${base}prime${primes.length}`))
    .replace(/(\^\{[^{}]*\})!/g, '$1{}!')
}

function identifier(name: string): string {
  return `\\mathrm{${name.replace(/[^A-Za-z0-9]/g, (char) => `c${char.charCodeAt(0)}`)}}`
}

function formulaOf(json: unknown): Formula | undefined {
  if (typeof json === 'number') return { kind: 'number', text: String(json) }
  if (typeof json === 'string') return symbolOf(json)
  if (Array.isArray(json)) {
    const [head, ...args] = json as unknown[]
    return typeof head === 'string' ? callOf(head, args) : undefined
  }
  const { num } = (json ?? {}) as { num?: unknown }
  return typeof num === 'string' ? { kind: 'number', text: num } : undefined
}

function symbolOf(name: string): Formula | undefined {
  return name.startsWith("'") || name === 'Nothing'
    ? undefined
    : { kind: 'symbol', name: sameSymbols.get(name) ?? name }
}

function callOf(head: string, args: readonly unknown[]): Formula | undefined {
  switch (head) {
    case 'Error':
      return undefined
    case 'Delimiter':
    case 'Hold':
      return headOf(args[0]) === 'Sequence' ? undefined : formulaOf(args[0])
    case 'InvisibleOperator':
      return productOf(args)
    case 'Apply': {
      const [inverse, ...values] = args
      if (headOf(inverse) !== 'InverseFunction') return undefined
      const [, name] = inverse as unknown[]
      return typeof name === 'string' ? call(`Arc${name.toLowerCase()}`, values.map(formulaOf)) : undefined
    }
    default:
      if (letters.has(head)) return call('Multiply', [symbolOf(head), ...args.map(formulaOf)])
      return call(head, args.map(formulaOf))
  }
}

/** What stands side by side: factors, and functions with what they are applied to. */
function productOf(items: readonly unknown[]): Formula | undefined {
  const factors: (Formula | undefined)[] = []
  for (let i = 0; i < items.length; i++) {
    const item = items[i]
    const next = items[i + 1]
    if (typeof item === 'string' && functions.has(item) && headOf(next) === 'Delimiter') {
      const [, inside] = next as unknown[]
      const args = headOf(inside) === 'Sequence' ? (inside as unknown[]).slice(1) : [inside]
      factors.push(call(item, args.map(formulaOf)))
      i++
    } else factors.push(formulaOf(item))
  }
  return call('Multiply', factors)
}

function call(head: string, args: readonly (Formula | undefined)[]): Formula | undefined {
  const known = args.filter((arg) => arg !== undefined)
  return known.length === args.length ? { kind: 'call', head, args: known } : undefined
}

function headOf(json: unknown): unknown {
  return Array.isArray(json) ? (json as unknown[])[0] : undefined
}
