/**
 * Characters that LaTeX writes as commands.
 */
export type Rule = readonly [pattern: RegExp, replacement: string | ((...found: string[]) => string)]

const raised = '⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ'
const lowered = '₀₁₂₃₄₅₆₇₈₉'
const plain = '0123456789+-n'
const fractions = { '½': '12', '¼': '14', '¾': '34', '⅓': '13', '⅔': '23', '⅕': '15', '⅖': '25', '⅗': '35', '⅘': '45' }
const smallFractions = { '⅙': '16', '⅚': '56', '⅛': '18', '⅜': '38', '⅝': '58', '⅞': '78' }
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

export const characters: readonly Rule[] = [
  [/[\u2212\u2013\u2010\u2011]/g, '-'],
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
  ...Object.entries({ ...fractions, ...smallFractions }).map(([char, [above, below]]): Rule => [
    new RegExp(char, 'g'),
    `\\frac{${above ?? ''}}{${below ?? ''}}`,
  ]),
  [/[\u2018\u2019\u2032]/g, "'"],
  [/[\u201C\u201D]/g, '"'],
  [/[\u00A0\u2009\u202F\u3000]/g, ' '],
  [/\uFF0C/g, ','],
  [/[\uFF1A\u2236]/g, ':'],
  [/\uFF08/g, '('],
  [/\uFF09/g, ')'],
]
