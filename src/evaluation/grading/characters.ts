/**
 * Characters that LaTeX writes as commands.
 */
export type Rule = readonly [pattern: RegExp, replacement: string | ((...found: string[]) => string)]

const raised = '⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ'
const lowered = '₀₁₂₃₄₅₆₇₈₉'
const plain = '0123456789+-n'
/** `½`, which Unicode decomposes with a fraction slash. */
const fraction = /[\u00BC-\u00BE\u2150-\u215E\u2189]/g
const greek = {
  α: 'alpha',
  β: 'beta',
  γ: 'gamma',
  δ: 'delta',
  θ: 'theta',
  λ: 'lambda',
  σ: 'sigma',
  φ: 'phi',
  ω: 'omega',
}

function translated(text: string, from: string): string {
  return text.replace(/./g, (char) => plain.charAt(from.indexOf(char)))
}

/** The digits of every script are ten characters in a row. */
function digitOf(char: string): string {
  const code = char.codePointAt(0) ?? 0
  // The mathematical digits (bold, double-struck ...) are five rows that touch.
  if (code >= 0x1d7ce && code <= 0x1d7ff) return String((code - 0x1d7ce) % 10)
  let first = code
  while (code - first < 9 && /\p{Nd}/u.test(String.fromCodePoint(first - 1))) first--
  return String(code - first)
}

function compatible(char: string): string {
  return char.normalize('NFKC')
}

export const characters: readonly Rule[] = [
  // Characters without width.
  [/[\u00AD\u200B-\u200F\u2060-\u2064\uFE0F\uFEFF]/g, ''],
  [/(?![0-9])\p{Nd}/gu, digitOf],
  // Full-width forms, and the letters of mathematical alphabets.
  [/[\uFF01-\uFF5E]|[\u{1D400}-\u{1D7CB}]/gu, compatible],
  [fraction, (char = '') => char.normalize('NFKD').replace(/(\d+)\u2044(\d+)/, '\\frac{$1}{$2}')],
  [
    new RegExp(`([${raised}]+)[\u2044/]([${lowered}]+)`, 'g'),
    (_, above = '', below = '') => `\\frac{${translated(above, raised)}}{${translated(below, lowered)}}`,
  ],
  [/\u2044/g, '/'],
  [/[\u2212\u2012\u2013\u2010\u2011\uFE63\u2796]/g, '-'],
  [/\u00D7/g, '\\times '],
  [/[\u00B7\u22C5]/g, '\\cdot '],
  [/\u00F7/g, '/'],
  [/\u03C0/g, '\\pi '],
  ...Object.entries(greek).map(([char, name]): Rule => [new RegExp(char, 'g'), `\\${name} `]),
  [/\u221E/g, '\\infty '],
  [/\u2264/g, '\\le '],
  [/\u2265/g, '\\ge '],
  [/\u2260/g, '\\ne '],
  [/\u2248/g, '\\approx '],
  [/\u2261/g, '\\equiv '],
  [/\u00B1/g, '\\pm '],
  [/\u222A/g, '\\cup '],
  [/\u2229/g, '\\cap '],
  [/\u2208/g, '\\in '],
  [/\u2205/g, '\\emptyset '],
  [/\u211D/g, '\\mathbb{R}'],
  [/\u2124/g, '\\mathbb{Z}'],
  [/\u2220/g, '\\angle '],
  [/\u2234/g, '\\therefore '],
  [/[\u00B0\u00BA\u02DA]/g, '^\\circ '],
  [/\u221B/g, '\u221A[3]'],
  [/\u221C/g, '\u221A[4]'],
  [/\u221A\s*(\[\d\])?\s*\(/g, (_, degree = '') => `sqrt${degree}(`],
  [/\u221A\s*(\[\d\])?\s*(\d+|\p{L})/gu, (_, degree = '', what = '') => `\\sqrt${degree}{${what}}`],
  [/\u221A/g, '\\sqrt'],
  [new RegExp(`[${raised}]+`, 'g'), (found = '') => `^{${translated(found, raised)}}`],
  [new RegExp(`[${lowered}]+`, 'g'), (found = '') => `_{${translated(found, lowered)}}`],
  [/[\u2018\u2019\u2032]/g, "'"],
  [/[\u201C\u201D]/g, '"'],
  [/[\u00A0\u2009\u202F\u3000]/g, ' '],
  [/\u3001/g, ','],
  [/\u2236/g, ':'],
  [/\u066A/g, '%'],
  [/\u066B/g, '.'],
  [/^\u3010(.*)\u3011$/s, '$1'],
]
