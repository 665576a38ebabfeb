/**
 * Reads formulas from LaTeX, strictly: what is not understood to the last token is no formula.
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
import { tokensOf, type Token } from './tokens.ts'

/** Deeper nesting is no formula: it would exhaust the stack. */
const deepest = 200

class NoFormula extends Error {}

/** Undefined for what cannot be read. */
export function parseFormula(latex: string): Formula | undefined {
  const tokens = tokensOf(latex)
  if (!tokens || tokens.length === 0) return undefined
  try {
    return new Parser(tokens, latex).whole()
  } catch (error) {
    if (error instanceof NoFormula) return undefined
    throw error
  }
}

class Parser {
  readonly #tokens: readonly Token[]
  readonly #latex: string
  #at = 0
  #depth = 0
  /** How many |...| are open. */
  #bars = 0

  constructor(tokens: readonly Token[], latex: string) {
    this.#tokens = tokens
    this.#latex = latex
  }

  whole(): Formula {
    const formula = this.#sum()
    if (this.#next()) throw new NoFormula()
    return formula
  }

  #next(ahead = 0): Token | undefined {
    return this.#tokens[this.#at + ahead]
  }

  #take(text: string): boolean {
    const found = this.#next()?.text === text
    if (found) this.#at++
    return found
  }

  #expect(text: string): void {
    if (!this.#take(text)) throw new NoFormula()
  }

  #sum(): Formula {
    if (++this.#depth > deepest) throw new NoFormula()
    const terms: Formula[] = []
    do {
      const isNegative = this.#signs()
      const term = this.#product()
      terms.push(isNegative ? call('Negate', term) : term)
    } while (['+', '-'].includes(this.#next()?.text ?? ''))
    this.#depth--
    const [first] = terms
    return first && terms.length === 1 ? first : call('Add', ...terms)
  }

  /** Whether the signs here, if there are any, are a minus together. */
  #signs(): boolean {
    let isNegative = false
    for (;;) {
      if (this.#take('-')) isNegative = !isNegative
      else if (!this.#take('+')) return isNegative
    }
  }

  #product(): Formula {
    let product = this.#factor()
    for (;;) {
      const text = this.#next()?.text ?? ''
      if (['*', '\\cdot', '\\times'].includes(text)) {
        this.#at++
        product = call('Multiply', product, this.#signedFactor())
      } else if (this.#take('/')) product = call('Divide', product, this.#signedFactor())
      else if (this.#take('\\bmod') || this.#take('\\mod')) product = call('Mod', product, this.#signedFactor())
      else if (this.#isFactor()) {
        this.#refuseTouchingNumber()
        product = call('Multiply', product, this.#factor())
      } else return product
    }
  }

  #signedFactor(): Formula {
    return this.#signs() ? call('Negate', this.#factor()) : this.#factor()
  }

  /** Whether something begins here that can be a factor without a sign of multiplication before it. */
  #isFactor(): boolean {
    const token = this.#next()
    if (!token) return false
    if (token.text === '|') return this.#bars === 0
    if (token.kind === 'mark') return brackets.has(token.text)
    return token.kind !== 'command' || !/^\\(?:rfloor|rceil|cdot|times|bmod|mod|[}|])$/.test(token.text)
  }

  /** `5 5` and `x2` are not products. */
  #refuseTouchingNumber(): void {
    const before = this.#next(-1)
    if (this.#next()?.kind === 'number' && (before?.kind === 'number' || before?.kind === 'letter'))
      throw new NoFormula()
  }

  #factor(applies = true): Formula {
    return this.#powers(this.#base(applies))
  }

  /** What stands behind a factor: powers, `!`, degrees. */
  #powers(base: Formula): Formula {
    let so = base
    for (;;) {
      if (this.#take('!')) {
        if (this.#next()?.text === '!') throw new NoFormula()
        so = call('Factorial', so)
      } else if (this.#isDegrees()) so = call('Degrees', so)
      else if (this.#take('^')) so = call('Power', so, this.#script())
      else return so
    }
  }

  /** `^{\circ}` */
  #isDegrees(): boolean {
    const found = ['^', '{', '\\circ', '}'].every((text, i) => this.#next(i)?.text === text)
    if (found) this.#at += 4
    return found
  }

  /** What follows `^`: in braces, or one factor; `10^35` is meant as the whole number, as plain text writes it. */
  #script(): Formula {
    if (this.#next()?.text === '{') return this.#group('{')
    const isNegative = this.#signs()
    const base = this.#base(false)
    const raised = this.#take('^') ? call('Power', base, this.#script()) : base
    return isNegative ? call('Negate', raised) : raised
  }

  #group(open: string): Formula {
    this.#expect(open)
    const bars = this.#bars
    this.#bars = 0
    const inside = this.#sum()
    this.#bars = bars
    this.#expect(brackets.get(open) ?? open)
    return inside
  }

  /** What follows a command: in braces, or one token, as LaTeX takes it. */
  #argument(): Formula {
    return this.#next()?.text === '{' ? this.#group('{') : this.#base(false)
  }

  /** @param applies whether a bracket behind a letter belongs to it */
  #base(applies: boolean): Formula {
    const token = this.#next()
    if (!token) throw new NoFormula()
    if (token.kind === 'number') return this.#number(token.text)
    if (token.kind === 'letter' || letterCommands.has(token.text)) return this.#named(applies)
    if (brackets.has(token.text)) return this.#group(token.text)
    if (token.text === '|') return this.#absolute()
    if (token.kind === 'command') return this.#command(token.text)
    throw new NoFormula()
  }

  /** `1.5e3` is a decimal; `2e-3` is only where it stands alone, which exact numbers are read from first. */
  #number(text: string): Formula {
    const token = this.#next()
    this.#at++
    const [e, digits] = [this.#next(), this.#next(1)]
    if (this.#next()?.text === '_') throw new NoFormula()
    const isScientific = e?.text === 'e' && digits?.kind === 'number' && /^\d{1,4}$/.test(digits.text)
    if (!isScientific || token?.to !== e.from || e.to !== digits.from) return number(text)
    this.#at += 2
    return number(`${text}e${digits.text}`)
  }

  #absolute(): Formula {
    this.#expect('|')
    this.#bars++
    const inside = this.#sum()
    this.#bars--
    this.#expect('|')
    return call('Abs', inside)
  }

  #command(name: string): Formula {
    this.#at++
    const head = functionsOfOne.get(name)
    if (head) return this.#function(head)
    const many = functionsOfMany.get(name)
    if (many) return call(many, ...this.#list())
    const rounding = roundings.get(name)
    if (rounding) {
      const inside = this.#sum()
      this.#expect(rounding[0])
      return call(rounding[1], inside)
    }
    switch (name) {
      case '\\frac':
        return this.#fraction()
      case '\\binom':
        return call('Binomial', this.#argument(), this.#argument())
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
    const isDifferential = () => this.#next()?.text === '{' && this.#next(1)?.text === 'd'
    const isAbove = isDifferential()
    const above = this.#argument()
    // A derivative is no quotient of products.
    if (isAbove && isDifferential()) throw new NoFormula()
    return call('Divide', above, this.#argument())
  }

  #root(): Formula {
    if (!this.#take('[')) return call('Sqrt', this.#argument())
    const degree = this.#sum()
    this.#expect(']')
    return call('Root', this.#argument(), degree)
  }

  /** `\bar{x}` is a name of its own. */
  #decorated(command: string): Formula {
    const isBraced = this.#take('{')
    const letter = this.#next()
    if (letter?.kind !== 'letter' && !letterCommands.has(letter?.text ?? '')) throw new NoFormula()
    this.#at++
    if (isBraced) this.#expect('}')
    return symbol(`${command} ${letter?.text ?? ''}`)
  }

  /**
   * A letter with its subscript and primes, and the bracket behind it: `f(x+1)` and `P(2)` are values of functions, `a(b+c)`
   * is a product.
   */
  #named(applies: boolean): Formula {
    const { text = '' } = this.#next() ?? {}
    this.#at++
    if (['\\pi', 'e', 'i', '\\infty'].includes(text) && this.#next()?.text !== '_') return symbol(text)
    const base = this.#subscripted(text)
    let name = base.kind === 'symbol' ? base.name : text
    const start = this.#at
    while (this.#take("'")) name += "'"
    const isFunction = functionLetters.has(text) || this.#at > start
    if (isFunction && ['^', '{', '-', '1', '}', '('].every((mark, i) => this.#next(i)?.text === mark)) {
      this.#at += 5
      name += '^{-1}'
    }
    const whole = base.kind === 'symbol' ? symbol(name) : base
    if (this.#next()?.text !== '(' || !(applies || isFunction)) return whole
    const args = this.#list()
    const [first] = args
    const isPlain = args.length > 1 || first?.kind === 'symbol' || isNumber(first)
    if (first && !isFunction && !isPlain) return call('Multiply', whole, this.#powers(first))
    if (text === '\\Gamma' && name === text && first && args.length === 1) return call('Gamma', first)
    if (text === 'C' && args.length === 2) return call('Binomial', ...args)
    return { kind: 'apply', name, args: base.kind === 'apply' ? [...base.args, ...args] : args }
  }

  /** `a_1` is a name; `a_{n+1}` depends on n. */
  #subscripted(name: string): Formula {
    if (!this.#take('_')) return symbol(name)
    const from = this.#at
    if (!this.#take('{')) {
      const { text = '', kind } = this.#next() ?? {}
      this.#at++
      if (kind === 'number' || kind === 'mark') return symbol(`${name}_${text}`)
      return { kind: 'apply', name: `${name}_`, args: [symbol(text)] }
    }
    let depth = 1
    while (depth > 0) {
      const { text } = this.#next() ?? {}
      if (text === undefined) throw new NoFormula()
      if (text === '{') depth++
      if (text === '}') depth--
      this.#at++
    }
    const inside = this.#latex.slice(this.#tokens[from]?.to, this.#next(-1)?.from)
    const index = /^[\d\s]*$/.test(inside) ? undefined : parseFormula(inside)
    return index ? { kind: 'apply', name: `${name}_`, args: [index] } : symbol(`${name}_${inside.replace(/\s/g, '')}`)
  }

  /** Formulas in brackets, with commas between them. */
  #list(): readonly Formula[] {
    const close = { '(': ')', '[': ']', '{': '}', '\\{': '\\}' }[this.#next()?.text ?? '']
    if (close === undefined) throw new NoFormula()
    const items: Formula[] = []
    do {
      this.#at++
      items.push(this.#sum())
    } while (this.#next()?.text === ',')
    this.#expect(close)
    return items
  }

  /** A function with its power, as in `\sin^2 x`, and its argument. */
  #function(head: OfOne): Formula {
    const exponent = this.#take('^') ? this.#script() : undefined
    const isInverse = exponent && isMinusOne(exponent)
    const inverse = isInverse ? inverses.get(head) : undefined
    if (isInverse && !inverse) throw new NoFormula()
    const value = call(inverse ?? head, this.#functionArgument())
    return exponent && !isInverse ? call('Power', value, exponent) : value
  }

  #logarithm(name: string): Formula {
    const exponentFirst = this.#take('^') ? this.#script() : undefined
    const base = this.#take('_') ? this.#argument() : number('10')
    const exponent = exponentFirst ?? (this.#take('^') ? this.#script() : undefined)
    if (name === '\\lg' && base.kind === 'number' && base.text !== '10') throw new NoFormula()
    const value = call('Log', this.#functionArgument(), base)
    return exponent ? call('Power', value, exponent) : value
  }

  /** In brackets; or the factors that follow, up to the next function. */
  #functionArgument(): Formula {
    const { text = '' } = this.#next() ?? {}
    if (brackets.has(text)) return this.#group(text)
    const isNegative = this.#signs()
    let product = this.#factor(false)
    while (this.#isFactor() && !this.#isFunctionName(this.#next())) {
      this.#refuseTouchingNumber()
      // \sin x(x+1) could be either, and so could \sin\pi/6.
      if (['(', '['].includes(this.#next()?.text ?? '')) throw new NoFormula()
      product = call('Multiply', product, this.#factor(false))
    }
    if (this.#next()?.text === '/' && !this.#isFunctionName(this.#next(1))) throw new NoFormula()
    return isNegative ? call('Negate', product) : product
  }

  #isFunctionName(token: Token | undefined): boolean {
    const { text = '' } = token ?? {}
    return functionsOfOne.has(text) || functionsOfMany.has(text) || ['\\log', '\\lg', '\\sum', '\\prod'].includes(text)
  }

  #series(head: 'Sum' | 'Product'): Formula {
    this.#expect('_')
    this.#expect('{')
    const { text: index = '', kind } = this.#next() ?? {}
    if (kind !== 'letter') throw new NoFormula()
    this.#at++
    this.#expect('=')
    const from = this.#sum()
    this.#expect('}')
    this.#expect('^')
    const to = this.#script()
    return { kind: 'series', head, index, from, to, term: this.#product() }
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
