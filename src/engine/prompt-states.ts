/**
 * Saved states of the prompts that were read last: the cells of a prompt that comes again, as in several samples of one question,
 * are copied instead of computed.
 */

/** What the states may take together. A question of 100 tokens takes 3 MB with a model of 1.5 billion parameters. */
const defaultMostBytes = 128 * 2 ** 20

/** A prompt as far as it is copied: all tokens but the last, whose pass gives the first logits. */
interface PromptState {
  readonly tokens: Int32Array
  readonly state: Uint8Array
}

export class PromptStates {
  readonly #mostPrompts: number
  readonly #mostBytes: number
  /** The one that was used last is the last. */
  #kept: readonly PromptState[] = []

  /** @param mostPrompts how many are kept at most */
  constructor(mostPrompts: number, mostBytes = defaultMostBytes) {
    this.#mostPrompts = mostPrompts
    this.#mostBytes = mostBytes
  }

  /** The state of exactly these tokens. */
  find(tokens: Int32Array): Uint8Array | undefined {
    const found = this.#kept.find((one) => sameTokens(one.tokens, tokens))
    if (found) this.#kept = [...this.#kept.filter((one) => one !== found), found]
    return found?.state
  }

  /**
   * Keeps a state, and drops those that were not used for longest.
   * @param save makes it; not called for one that is kept already, or too large
   * @param bytes about how large it is
   */
  keep(tokens: Int32Array, bytes: number, save: () => Uint8Array): void {
    if (tokens.length === 0 || bytes > this.#mostBytes || this.find(tokens)) return
    const kept = [...this.#kept, { tokens: tokens.slice(), state: save() }]
    const total = () => kept.reduce((sum, { state }) => sum + state.length, 0)
    while (kept.length > this.#mostPrompts || total() > this.#mostBytes) kept.shift()
    this.#kept = kept
  }
}

function sameTokens(a: Int32Array, b: Int32Array): boolean {
  return a.length === b.length && a.every((token, i) => token === b[i])
}
