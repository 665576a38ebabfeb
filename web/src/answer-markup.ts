/** The answer as markup: Markdown without raw HTML, formulas as MathML. What a model writes never runs. */
import DOMPurify from 'dompurify'
import { Marked, type Tokens } from 'marked'

const longestFormula = 4096

interface Formula {
  readonly source: string
  readonly isBlock: boolean
}

const allowedTags = ['p', 'br', 'hr', 'strong', 'em', 'del', 'code', 'pre', 'blockquote', 'ul', 'ol', 'li', 'a', 'span']
const tableTags = ['h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'table', 'thead', 'tbody', 'tr', 'th', 'td']

/** `\(`, `$` and their like, and `\boxed{...}` by itself. A formula that is not closed yet is text. */
const formulaForms: readonly { readonly form: RegExp; readonly isBlock: boolean }[] = [
  { form: /^\$\$([^$]+)\$\$/, isBlock: true },
  { form: /^\\\[([\s\S]+?)\\\]/, isBlock: true },
  { form: /^\\\(([\s\S]+?)\\\)/, isBlock: false },
  { form: /^\$((?! )[^$\n]+?(?<! ))\$(?!\d)/, isBlock: false },
  { form: /^(\\boxed\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\})/, isBlock: false },
]

function formulaAt(text: string): (Formula & { raw: string }) | undefined {
  for (const { form, isBlock } of formulaForms) {
    const [raw, source] = form.exec(text) ?? []
    if (raw !== undefined && source !== undefined && source.length <= longestFormula) return { raw, source, isBlock }
  }
  return undefined
}

/** Writes an answer into an element; what was in it goes. */
export async function writeAnswer(host: HTMLElement, answer: string): Promise<void> {
  const formulas: Formula[] = []
  const markdown = new Marked({ gfm: true, async: false })
  markdown.use({
    extensions: [
      {
        name: 'formula',
        level: 'inline',
        start: (text: string) => {
          const at = text.search(/\$|\\[([]|\\boxed\{/)
          return at < 0 ? undefined : at
        },
        tokenizer: (text: string) => {
          const found = formulaAt(text)
          return found && { type: 'formula', ...found }
        },
        renderer: (token: Tokens.Generic) => {
          formulas.push({ source: String(token['source']), isBlock: token['isBlock'] === true })
          return `<span data-formula="${formulas.length - 1}"></span>`
        },
      },
    ],
    renderer: {
      html: ({ text }) => escaped(text),
      image: ({ href, text }) => `<a href="${escaped(href)}">${escaped(text === '' ? href : text)}</a>`,
    },
  })
  const clean = DOMPurify.sanitize(markdown.parse(answer) as string, {
    ALLOWED_TAGS: [...allowedTags, ...tableTags],
    ALLOWED_ATTR: ['href', 'data-formula', 'start'],
    ADD_URI_SAFE_ATTR: ['data-formula', 'start'],
    ALLOWED_URI_REGEXP: /^(?:https|mailto):/i,
    ALLOW_DATA_ATTR: false,
    RETURN_DOM_FRAGMENT: true,
  })
  for (const link of clean.querySelectorAll('a')) {
    link.rel = 'noopener noreferrer nofollow'
    link.target = '_blank'
  }
  const places = [...clean.querySelectorAll<HTMLElement>('[data-formula]')]
  if (places.length > 0) {
    // Large, and most texts have no formula.
    const { default: temml } = await import('temml')
    for (const place of places) {
      const formula = formulas[Number(place.dataset['formula'])]
      if (!formula) continue
      try {
        temml.render(formula.source, place, { displayMode: formula.isBlock, trust: false, maxExpand: 1000 })
      } catch {
        place.textContent = formula.source
      }
    }
  }
  host.replaceChildren(clean)
}

function escaped(text: string): string {
  const names: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
  return text.replace(/[&<>"]/g, (char) => names[char] ?? char)
}
