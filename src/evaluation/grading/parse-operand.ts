/**
 * Reads the operands of formulas that have names: variables, functions, commands.
 */
import { call, number, symbol, type Formula, type OfOne } from './formula.ts'
import {
  brackets,
  functionLetters,
  functionsOfMany,
  functionsOfOne,
  inverses,
  letterCommands,
  roundings,
} from './function-names.ts'
import { NoFormula, type TokenCursor } from './token-cursor.ts'
import type { FormulaToken } from './tokens.ts'

export abstract class OperandParser {
  protected readonly cursor: TokenCursor

  constructor(cursor: TokenCursor) {
    this.cursor = cursor
  }

  protected abstract sum(): Formula
  protected abstract product(): Formula
  protected abstract factor(applies?: boolean): Formula
  protected abstract isFactor(): boolean
  protected abstract refuseTouchingNumber(): void
  protected abstract argument(): Formula
  protected abstract script(): Formula
  protected abstract group(open: string): Formula
  protected abstract powers(base: Formula): Formula
  protected abstract parse(latex: string): Formula | undefined

  protected command(name: string): Formula {
    this.cursor.skip()
    const head = functionsOfOne.get(name)
    if (head) return this.#function(head)
    const many = functionsOfMany.get(name)
    if (many) return call(many, ...this.#list())
    const rounding = roundings.get(name)
    if (rounding) {
      const inside = this.sum()
      this.cursor.expect(rounding[0])
      return call(rounding[1], inside)
    }
    switch (name) {
      case '\\frac':
        return this.#fraction()
      case '\\binom':
        return call('Binomial', this.argument(), this.argument())
      case '\\sqrt':
        return this.#root()
      case '\\log':
      case '\\lg':
        return this.#logarithm(name)
      case '\\sum':
      case '\\prod':
        return this.#series(name === '\\sum' ? 'Sum' : 'Product')
      case '\\bar':
      case '\\hat':
      case '\\vec':
      case '\\overline':
      case '\\mathbb':
        return this.#decorated(name)
      default:
        throw new NoFormula()
    }
  }

  #fraction(): Formula {
    const isDifferential = () => this.cursor.next()?.text === '{' && this.cursor.next(1)?.text === 'd'
    const isAbove = isDifferential()
    const above = this.argument()
    // A derivative is no quotient of products.
    if (isAbove && isDifferential()) throw new NoFormula()
    return call('Divide', above, this.argument())
  }

  #root(): Formula {
    if (!this.cursor.take('[')) return call('Sqrt', this.argument())
    const degree = this.sum()
    this.cursor.expect(']')
    return call('Root', this.argument(), degree)
  }

  /** `\bar{x}` is a name of its own. */
  #decorated(command: string): Formula {
    const isBraced = this.cursor.take('{')
    const letter = this.cursor.next()
    if (letter?.kind !== 'letter' && !letterCommands.has(letter?.text ?? '')) throw new NoFormula()
    this.cursor.skip()
    if (isBraced) this.cursor.expect('}')
    return symbol(`${command} ${letter?.text ?? ''}`)
  }

  /** A function with its power, as in `\sin^2 x`, and its argument. */
  #function(head: OfOne): Formula {
    const exponent = this.cursor.take('^') ? this.script() : undefined
    const isInverse = exponent && isMinusOne(exponent)
    const inverse = isInverse ? inverses.get(head) : undefined
    if (isInverse && !inverse) throw new NoFormula()
    const value = call(inverse ?? head, this.#functionArgument())
    return exponent && !isInverse ? call('Power', value, exponent) : value
  }

  #logarithm(name: string): Formula {
    const exponentFirst = this.cursor.take('^') ? this.script() : undefined
    const base = this.cursor.take('_') ? this.argument() : number('10')
    const exponent = exponentFirst ?? (this.cursor.take('^') ? this.script() : undefined)
    if (name === '\\lg' && base.kind === 'number' && base.text !== '10') throw new NoFormula()
    const value = call('Log', this.#functionArgument(), base)
    return exponent ? call('Power', value, exponent) : value
  }

  /** In brackets; or the factors that follow, up to the next function. */
  #functionArgument(): Formula {
    const { text = '' } = this.cursor.next() ?? {}
    if (brackets.has(text)) return this.group(text)
    const isNegative = this.cursor.signs()
    let product = this.factor(false)
    while (this.isFactor() && !this.#isFunctionName(this.cursor.next())) {
      this.refuseTouchingNumber()
      // \sin x(x+1) could be either, and so could \sin\pi/6.
      if (['(', '['].includes(this.cursor.next()?.text ?? '')) throw new NoFormula()
      product = call('Multiply', product, this.factor(false))
    }
    if (this.cursor.next()?.text === '/' && !this.#isFunctionName(this.cursor.next(1))) throw new NoFormula()
    return isNegative ? call('Negate', product) : product
  }

  #isFunctionName(token: FormulaToken | undefined): boolean {
    const { text = '' } = token ?? {}
    return functionsOfOne.has(text) || functionsOfMany.has(text) || ['\\log', '\\lg', '\\sum', '\\prod'].includes(text)
  }

  #series(head: 'Sum' | 'Product'): Formula {
    this.cursor.expect('_')
    this.cursor.expect('{')
    const { text: index = '', kind } = this.cursor.next() ?? {}
    if (kind !== 'letter') throw new NoFormula()
    this.cursor.skip()
    this.cursor.expect('=')
    const from = this.sum()
    this.cursor.expect('}')
    this.cursor.expect('^')
    const to = this.script()
    return { kind: 'series', head, index, from, to, term: this.product() }
  }

  /**
   * A letter with its subscript and primes, and the bracket behind it: `f(x+1)` and `P(2)` are values of functions, `a(b+c)`
   * is a product.
   */
  protected named(applies: boolean): Formula {
    const { text = '' } = this.cursor.next() ?? {}
    this.cursor.skip()
    if (['\\pi', 'e', 'i', '\\infty'].includes(text) && this.cursor.next()?.text !== '_') return symbol(text)
    const base = this.#subscripted(text)
    let name = base.kind === 'symbol' ? base.name : text
    const start = this.cursor.position
    while (this.cursor.take("'")) name += "'"
    const isFunction = functionLetters.has(text) || this.cursor.position > start
    if (isFunction && ['^', '{', '-', '1', '}', '('].every((mark, i) => this.cursor.next(i)?.text === mark)) {
      this.cursor.skip(5)
      name += '^{-1}'
    }
    const whole = base.kind === 'symbol' ? symbol(name) : base
    if (this.cursor.next()?.text !== '(' || !(applies || isFunction)) return whole
    const args = this.#list()
    const [first] = args
    const isPlain = args.length > 1 || first?.kind === 'symbol' || isNumber(first)
    if (first && !isFunction && !isPlain) return call('Multiply', whole, this.powers(first))
    if (text === '\\Gamma' && name === text && first && args.length === 1) return call('Gamma', first)
    if (text === 'C' && args.length === 2) return call('Binomial', ...args)
    return { kind: 'apply', name, args: base.kind === 'apply' ? [...base.args, ...args] : args }
  }

  /** `a_1` is a name; `a_{n+1}` depends on n. */
  #subscripted(name: string): Formula {
    if (!this.cursor.take('_')) return symbol(name)
    if (!this.cursor.take('{')) {
      const { text = '', kind } = this.cursor.next() ?? {}
      this.cursor.skip()
      if (kind === 'number' || kind === 'mark') return symbol(`${name}_${text}`)
      return { kind: 'apply', name: `${name}_`, args: [symbol(text)] }
    }
    const inside = this.cursor.rest()
    const index = /^[\d\s]*$/.test(inside) ? undefined : this.parse(inside)
    return index ? { kind: 'apply', name: `${name}_`, args: [index] } : symbol(`${name}_${inside.replace(/\s/g, '')}`)
  }

  /** Formulas in brackets, with commas between them. */
  #list(): readonly Formula[] {
    const close = { '(': ')', '[': ']', '{': '}', '\\{': '\\}' }[this.cursor.next()?.text ?? '']
    if (close === undefined) throw new NoFormula()
    const items: Formula[] = []
    do {
      this.cursor.skip()
      items.push(this.sum())
    } while (this.cursor.next()?.text === ',')
    this.cursor.expect(close)
    return items
  }
}

function isNumber(formula: Formula | undefined): boolean {
  if (formula?.kind === 'call' && formula.head === 'Negate') return isNumber(formula.args[0])
  return formula?.kind === 'number'
}

function isMinusOne(formula: Formula): boolean {
  const [inside] = formula.kind === 'call' && formula.head === 'Negate' ? formula.args : []
  return inside?.kind === 'number' && inside.text === '1'
}
