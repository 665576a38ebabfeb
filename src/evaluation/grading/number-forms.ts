/**
 * Numbers that are written in a special way: thousands, repeating decimals, mixed numbers.
 */

/** `1,000`, `1'000`, `1_000` and `1,234,567.8` as a whole answer, or behind money's sign or a name, are one number. */
export function thousands(text: string): string {
  const plain = text.replace(
    /^(-?\d{1,3})((?:['_]\d{3})+)(?=$|\.\d)/,
    (_, first: string, rest: string) => first + rest.replace(/['_]/g, ''),
  )
  return plain.replace(
    /(^|[=$€£]\s*|-)(\d{1,3}(?:,\d{3})+)(\.\d+)?(?=\s*(?:$|\\text|\\?%|\.$|[$€£¥]))/g,
    (_, before: string, whole: string, part = '') => before + whole.replaceAll(',', '') + String(part),
  )
}

/** `0.1\overline{6}`, `0.1(6)`, `0.1\dot6` and `0.1666...` are `\frac{15}{90}`. */
export function repeatingDecimals(text: string): string {
  return text
    .replace(
      /(?<![\d.])(\d+)\.(\d*)(?:\\(?:overline|bar)\s*(?:\{(\d+)\}|(\d))|\((\d+)\)(?![\w^(]))/g,
      (_, whole: string, fixed: string, many?: string, one?: string, bracketed?: string) =>
        fractionOf(whole, fixed, many ?? one ?? bracketed ?? ''),
    )
    .replace(
      /(?<![\d.])(\d+)\.(\d*)\\dot\s*\{?(\d)\}?(?:(\d*)\\dot\s*\{?(\d)\}?)?(?!\d)/g,
      (_, whole: string, fixed: string, first: string, middle = '', last = '') =>
        fractionOf(whole, fixed, `${first}${String(middle)}${String(last)}`),
    )
    .replace(/(\d+)\.(\d*?)(\d{2,})\3+\s*(?:\.{3}|\\ldots)/g, (all, whole: string, fixed: string, digits: string) =>
      /^(\d)\1+$/.test(digits) ? all : fractionOf(whole, fixed, digits),
    )
    .replace(/(\d+)\.(\d*?)(\d)\3{2,}\s*(?:\.{3}|\\ldots)/g, (_, whole: string, fixed: string, digit: string) =>
      fractionOf(whole, fixed, digit),
    )
}

function fractionOf(whole: string, fixed: string, repeated: string): string {
  const all = BigInt(whole + fixed + repeated) - BigInt(whole + fixed)
  return `\\frac{${all}}{${'9'.repeat(repeated.length)}${'0'.repeat(fixed.length)}}`
}

/** `1\frac{1}{2}` and `1 1/2` are `(1+\frac{1}{2})`. Only a proper fraction makes a mixed number. */
export function mixedNumbers(text: string): string {
  const start = String.raw`(?<![\w.}\\^)!])(\d+)`
  const mixed = (all: string, whole: string, above: string, below: string) =>
    BigInt(above) < BigInt(below) ? `(${whole}+\\frac{${above}}{${below}})` : all
  return text
    .replace(new RegExp(String.raw`${start}\s*\\frac\{(\d+)\}\{(\d+)\}`, 'g'), mixed)
    .replace(new RegExp(String.raw`${start}\s+(\d+)\/(\d+)(?!\d)`, 'g'), mixed)
}
