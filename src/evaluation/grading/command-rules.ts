/**
 * Commands that only change how a formula looks, and other names of the same command.
 */
import type { Rule } from './characters.ts'

const sizes =
  'displaystyle|textstyle|scriptstyle|limits|nolimits|hfill|rm|bf|it|tiny|scriptsize|footnotesize|small|normalsize'
const largeSizes = 'large|Large|LARGE|huge|Huge'
const environments = String.raw`(?:aligned|align\*?|equation\*?|gathered|gather\*?|split)`

export const commandRules: readonly Rule[] = [
  [
    new RegExp(
      String.raw`\\(?:begin|end)\{${environments}\}|\\tag\*?\{[^{}]*\}|\\(?:[hv]space|phantom)\*?\{[^{}]*\}`,
      'g',
    ),
    ' ',
  ],
  [/(?<!\\)&\s*=|=\s*&/g, '='],
  // A command that has grown together with the letter behind it: \lex.
  [/\\(le|ge|q?quad|cup|cap|pm|mp|cdot|times)(?!q(?![a-zA-Z])|b(?![a-zA-Z]))([a-zA-Z])(?![a-zA-Z])/g, '\\$1 $2'],
  [/\\(?:left|right)\s*\./g, ''],
  [new RegExp(String.raw`\\(?:left|right|[bB]igg?[lrm]?|${sizes}|${largeSizes})(?![a-zA-Z])`, 'g'), ''],
  [/\\(?:therefore|implies|Rightarrow|Longrightarrow|because)(?![a-zA-Z])/g, ' '],
  [/(?<=\d),?\\[!,]\s*,?(?=\d{3}(?!\d))/g, ''],
  [/\\!/g, ''],
  [/\\(?:underline|underbrace|mathop|textcolor\s*\{\w+\}|color\s*\{\w+\})\s*(?=\{)/g, ''],
  [/(?<!\\)\\[,;:> ]|~|\\q?quad(?![a-zA-Z])|(?<!\\)\\(?=\s)/g, ' '],
  [/\\\\\s*$/g, ''],
  [/\\(?:[dtcs]|nice|x)frac(?![a-zA-Z])/g, '\\frac'],
  [/(?:\{\s*\})?\^\s*\{?(\d+)\}?\s*\/\s*_\s*\{?(\d+)\}?/g, '\\frac{$1}{$2}'],
  // A sign in braces of its own.
  [/\{\s*([-+])\s*\}/g, '$1'],
  [
    /\s*(?:\\text\{\s*)?\(?\s*\b(?:in\s+)?base[\s-]*(\d+|two|three|four|five|six|seven|eight|nine|ten|sixteen)\s*\)?\s*\}?$/,
    '_{\\text{$1}}',
  ],
  [/(?<=\d\s*(?:\\text\{\s*)?)([ap])\.?\s*m\.?(?=\s*\}?\s*$)/i, (_, half = '') => `${half.toLowerCase()}m`],
  [/^(-?)\s*(?:\\text\{\s*)?(?:USD|US\s*\$)\s*\}?\s*(?=\d)/, '$1$$'],
  [/^(-?)\s*(?:\\text\{\s*)?EUR\s*\}?\s*(?=\d)/, '$1€'],
  [/^(-?)\s*(?:\\text\{\s*)?GBP\s*\}?\s*(?=\d)/, '$1£'],
  [/^(-?)\s*(?:\\text\{\s*)?(?:Rs\.?|INR)\s*\}?\s*(?=\d)/, '$1₹'],
  [/(?<=^[A-Za-z]\s*):=/, '='],
  [/\\[dt]binom(?![a-zA-Z])/g, '\\binom'],
  [/\\leq?(?:slant)?q?(?![a-zA-Z])|<=/g, '\\le '],
  [/\\geq?(?:slant)?q?(?![a-zA-Z])|>=/g, '\\ge '],
  [/\\neq?(?![a-zA-Z])|!=|\\not\s*=/g, '\\ne '],
  [/\\lt(?![a-zA-Z])/g, '<'],
  [/\\gt(?![a-zA-Z])/g, '>'],
  [/\\colon(?![a-zA-Z])/g, ':'],
  [/\\(?:thickapprox|simeq)(?![a-zA-Z])/g, '\\approx '],
  [/\\lbrace(?![a-zA-Z])/g, '\\{'],
  [/\\rbrace(?![a-zA-Z])/g, '\\}'],
  [/\\(?:langle|lparen)(?![a-zA-Z])/g, '('],
  [/\\(?:rangle|rparen)(?![a-zA-Z])/g, ')'],
  [/\\lbrack(?![a-zA-Z])/g, '['],
  [/\\rbrack(?![a-zA-Z])/g, ']'],
  [/\\[lr]?[vV]ert(?![a-zA-Z])|\\mid(?![a-zA-Z])/g, '|'],
  [/\\(?:varnothing|O)(?![a-zA-Z])|\\\{\s*\\\}/g, '\\emptyset '],
  [/\\(?:mathbb|mathbf|Bbb)\s*(?:\{\s*R\s*\}|R(?![a-zA-Z]))|\\R(?![a-zA-Z])|\\reals(?![a-zA-Z])/g, '\\mathbb{R}'],
  [/\\(?:backslash|smallsetminus)(?![a-zA-Z])/g, '\\setminus '],
  [/\\(?:ldots|cdots|dotsc|dotsb|dots)(?![a-zA-Z])/g, '\\ldots '],
  [/\\var(epsilon|phi|theta|rho|sigma)(?![a-zA-Z])/g, '\\$1'],
  [/\\mathring\{A\}|\\AA(?![a-zA-Z])|\\text\{\s*\\AA\s*\}/g, '\\text{Å}'],
  [/\\Omega(?![a-zA-Z])(?<=\d\s*(?:\\(?:text|mathrm)\{k?)?\\Omega)/g, '\\text{Ω}'],
  [/(?:\{\s*\})?\^\s*(?:\{\s*\\circ\s*\}|\\circ(?![a-zA-Z]))|\\(?:degree|textdegree)(?![a-zA-Z])/g, '^{\\circ}'],
  [/(?<=[\d}])\s*\^\s*(?:\{\s*(?:\\(?:text|mathrm)\{)?\s*o\s*\}?\s*\}|o(?![a-zA-Z]))/g, '^{\\circ}'],
  [/\\div(?![a-zA-Z])/g, '/'],
  [/\\ast(?![a-zA-Z])|(?<!\*)\*(?!\*)/g, '\\cdot '],
  [/\*\*/g, '^'],
  [/\\(?:overline|bar|dot)\{?(AB|BC|CD|AC|BD|[A-Z]{2})\}?/g, '$1'],
  [/\\(?:text(?:bf|it|rm|normal|sf|tt)?|mbox|hbox|math(?:rm|bf|it|sf)|bm|boldsymbol|operatorname\*?)\s*\{/g, '\\text{'],
  [/\\(?:text|math)(?:rm|bf)?\s+([A-Za-z\d])(?![A-Za-z\d])/g, '$1'],
  [/\\text\{\s*cis\s*\}(.+)$/, 'e^{i($1)}'],
  [/\\mu(?![a-zA-Z])\s*\\text\{\s*|[µμ]\s*\\text\{\s*/g, '\\text{μ'],
  [/µ/g, 'μ'],
  [
    /\\frac\s*\{\s*\\text\{([^{}]*)\}\s*\}\s*\{\s*\\text\{([^{}]*)\}\s*(?:\^\s*\{?(\d)\}?)?\s*\}/g,
    (_, a = '', b = '', n = '1') => `\\text{${a}/${b}^${n}}`,
  ],
  [/\\text\{\s*deg\.?\s*\}/g, '^{\\circ}'],
  [/\^\{\\circ\}\s*\\text\{\s*([CF])\s*\}/g, '\\text{°$1}'],
  [
    /(?<![\w.^_{\\])(\d+)\s*(?:\{\s*\})?(?:(?:\^\s*)?\{\s*(?:\\text\{\s*)?(?:st|nd|rd|th)\s*\}|\^\s*\\text\{\s*(?:st|nd|rd|th)\s*)\}*/g,
    '$1\\text{th}',
  ],
  [/\\text\{\s*(\d+)(?:st|nd|rd|th)\s*\}/g, '$1\\text{th}'],
  [/(?<![\w.^_{\\])(\d+)(?:st|nd|rd|th)(?![a-zA-Z])/g, '$1\\text{th}'],
  // Braces inside of words, as in m\,s^{-2}.
  [/(?<=\\text\{[^{}]*)\^\{(-?\d)\}(?=[^{}]*\})/g, '^$1'],
  [/\\text\{\s*(-?[\d.]+(?:\s*,\s*-?[\d.]+)*,?\s+(?:and|or)\s+-?[\d.]+)\s*\}/g, '$1'],
]
