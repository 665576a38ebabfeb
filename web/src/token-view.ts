/**
 * The tokens of a text as elements: one for each, in blocks that the browser lays out only where they are seen. Made by hand, not by a
 * framework: tens of thousands of them change at once at an eviction.
 */
const blockTokens = 256
/** A block ends at a line break behind that, or here at the latest. */
const mostBlockTokens = 512

export interface ShownToken {
  readonly position: number
  readonly text: string
}

export class TokenView {
  readonly #host: HTMLElement
  readonly #spans: HTMLSpanElement[] = []
  readonly #classes: string[] = []
  readonly #indexOf = new WeakMap<Node, number>()
  #block: HTMLElement | undefined
  #blockLength = 0
  #current: number | undefined

  constructor(host: HTMLElement) {
    this.#host = host
    host.replaceChildren()
  }

  /**
   * Shows the tokens behind those that are shown already, and gives each its class.
   * @param from the first index whose class may have changed
   */
  update(tokens: readonly ShownToken[], classOf: (position: number) => string, from = 0): void {
    for (let i = this.#spans.length; i < tokens.length; i++) this.#append(tokens[i])
    for (let i = from; i < this.#spans.length; i++) {
      const span = this.#spans[i]
      const position = tokens[i]?.position
      const wanted = position === undefined ? 't unborn' : classOf(position)
      if (!span || this.#classes[i] === wanted) continue
      this.#classes[i] = wanted
      span.className = i === this.#current ? `${wanted} current` : wanted
    }
  }

  /** The index of the token that an element of the page is. */
  indexAt(node: EventTarget | null): number | undefined {
    return node instanceof Node ? this.#indexOf.get(node) : undefined
  }

  elementAt(index: number): HTMLElement | undefined {
    return this.#spans[index]
  }

  /** Marks one token as the one that the keyboard is at. */
  setCurrent(index: number | undefined): void {
    if (this.#current !== undefined) this.#spans[this.#current]?.classList.remove('current')
    this.#current = index
    if (index !== undefined) this.#spans[index]?.classList.add('current')
  }

  /** The token in the line above or below whose middle is nearest. */
  neighbour(index: number, direction: -1 | 1): number {
    const from = this.#spans[index]?.getBoundingClientRect()
    if (!from) return index
    const middle = (from.left + from.right) / 2
    let [best, distance, line] = [index, Infinity, NaN]
    for (let i = index + direction; i >= 0 && i < this.#spans.length; i += direction) {
      const box = this.#spans[i]?.getBoundingClientRect()
      if (!box || Math.abs(box.top - from.top) < from.height / 2) continue
      if (Number.isNaN(line)) line = box.top
      if (Math.abs(box.top - line) > from.height / 2) break
      const away = Math.abs((box.left + box.right) / 2 - middle)
      if (away < distance) [best, distance] = [i, away]
    }
    return best
  }

  #append(token: ShownToken | undefined): void {
    if (!token) return
    const span = document.createElement('span')
    span.textContent = token.text
    this.#indexOf.set(span, this.#spans.length)
    if (span.firstChild) this.#indexOf.set(span.firstChild, this.#spans.length)
    this.#spans.push(span)
    this.#classes.push('')
    if (!this.#block) {
      this.#block = document.createElement('div')
      this.#block.className = 'block'
      this.#host.append(this.#block)
    }
    this.#block.append(span)
    this.#blockLength++
    const isFull = this.#blockLength >= blockTokens && token.text.endsWith('\n')
    if (isFull || this.#blockLength >= mostBlockTokens) {
      this.#block = undefined
      this.#blockLength = 0
    }
  }
}
