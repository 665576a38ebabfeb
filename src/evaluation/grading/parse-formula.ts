/**
 * Reads formulas from LaTeX, strictly: what is not understood to the last token is no formula.
 */
import { call, number, type Formula } from './formula.ts'
import { brackets, letterCommands } from './function-names.ts'
import { OperandParser } from './parse-operand.ts'
import { NoFormula, TokenCursor } from './token-cursor.ts'
import { tokensOf } from './tokens.ts'

/** Deeper nesting is no formula: it would exhaust the stack. */
const deepest = 200

/** Undefined for what cannot be read. */
export function parseFormula(latex: string): Formula | undefined {
  const tokens = tokensOf(latex)
  if (!tokens || tokens.length === 0) return undefined
  try {
    return new FormulaParser(new TokenCursor(tokens, latex)).whole()
  } catch (error) {
    if (error instanceof NoFormula) return undefined
    throw error
  }
}

class FormulaParser extends OperandParser {
  #depth = 0
  /** How many |...| are open. */
  #bars = 0

  whole(): Formula {
    const formula = this.sum()
    if (this.cursor.next()) throw new NoFormula()
    return formula
  }

  protected override parse(latex: string): Formula | undefined {
    return parseFormula(latex)
  }

  protected override sum(): Formula {
    if (++this.#depth > deepest) throw new NoFormula()
    const terms: Formula[] = []
    do {
      const isNegative = this.cursor.signs()
      const term = this.product()
      terms.push(isNegative ? call('Negate', term) : term)
    } while (['+', '-'].includes(this.cursor.next()?.text ?? ''))
    this.#depth--
    const [first] = terms
    return first && terms.length === 1 ? first : call('Add', ...terms)
  }

  protected override product(): Formula {
    let product = this.factor()
    for (;;) {
      const text = this.cursor.next()?.text ?? ''
      if (['*', '\\cdot', '\\times'].includes(text)) {
        this.cursor.skip()
        product = call('Multiply', product, this.#signedFactor())
      } else if (this.cursor.take('/')) product = call('Divide', product, this.#signedFactor())
      else if (this.cursor.take('\\bmod') || this.cursor.take('\\mod'))
        product = call('Mod', product, this.#signedFactor())
      else if (this.isFactor()) {
        this.refuseTouchingNumber()
        product = call('Multiply', product, this.factor())
      } else return product
    }
  }

  #signedFactor(): Formula {
    return this.cursor.signs() ? call('Negate', this.factor()) : this.factor()
  }

  /** Whether something begins here that can be a factor without a sign of multiplication before it. */
  protected override isFactor(): boolean {
    const token = this.cursor.next()
    if (!token) return false
    if (token.text === '|') return this.#bars === 0
    if (token.kind === 'mark') return brackets.has(token.text)
    return token.kind !== 'command' || !/^\\(?:rfloor|rceil|cdot|times|bmod|mod|[}|])$/.test(token.text)
  }

  /** `5 5` and `x2` are not products. */
  protected override refuseTouchingNumber(): void {
    const before = this.cursor.next(-1)
    if (this.cursor.next()?.kind === 'number' && (before?.kind === 'number' || before?.kind === 'letter'))
      throw new NoFormula()
  }

  protected override factor(applies = true): Formula {
    return this.powers(this.#base(applies))
  }

  /** What stands behind a factor: powers, `!`, degrees. */
  protected override powers(base: Formula): Formula {
    let so = base
    for (;;) {
      if (this.cursor.take('!')) {
        if (this.cursor.next()?.text === '!') throw new NoFormula()
        so = call('Factorial', so)
      } else if (this.cursor.takeAll(['^', '{', '\\circ', '}'])) so = call('Degrees', so)
      else if (this.cursor.take('^')) so = call('Power', so, this.script())
      else return so
    }
  }

  /** What follows `^`: in braces, or one factor; `10^35` is meant as the whole number, as plain text writes it. */
  protected override script(): Formula {
    if (this.cursor.next()?.text === '{') return this.group('{')
    const isNegative = this.cursor.signs()
    const base = this.#base(false)
    const raised = this.cursor.take('^') ? call('Power', base, this.script()) : base
    return isNegative ? call('Negate', raised) : raised
  }

  protected override group(open: string): Formula {
    this.cursor.expect(open)
    const bars = this.#bars
    this.#bars = 0
    const inside = this.sum()
    this.#bars = bars
    this.cursor.expect(brackets.get(open) ?? open)
    return inside
  }

  /** What follows a command: in braces, or one token, as LaTeX takes it. */
  protected override argument(): Formula {
    return this.cursor.next()?.text === '{' ? this.group('{') : this.#base(false)
  }

  /** @param applies whether a bracket behind a letter belongs to it */
  #base(applies: boolean): Formula {
    const token = this.cursor.next()
    if (!token) throw new NoFormula()
    if (token.kind === 'number') return this.#number(token.text)
    if (token.kind === 'letter' || letterCommands.has(token.text)) return this.named(applies)
    if (brackets.has(token.text)) return this.group(token.text)
    if (token.text === '|') return this.#absolute()
    if (token.kind === 'command') return this.command(token.text)
    throw new NoFormula()
  }

  /** `1.5e3` is a decimal; `2e-3` is only where it stands alone, which exact numbers are read from first. */
  #number(text: string): Formula {
    const token = this.cursor.next()
    this.cursor.skip()
    const [e, digits] = [this.cursor.next(), this.cursor.next(1)]
    if (this.cursor.next()?.text === '_') throw new NoFormula()
    const isScientific = e?.text === 'e' && digits?.kind === 'number' && /^\d{1,4}$/.test(digits.text)
    if (!isScientific || token?.to !== e.from || e.to !== digits.from) return number(text)
    this.cursor.skip(2)
    return number(`${text}e${digits.text}`)
  }

  #absolute(): Formula {
    this.cursor.expect('|')
    this.#bars++
    const inside = this.sum()
    this.#bars--
    this.cursor.expect('|')
    return call('Abs', inside)
  }
}
