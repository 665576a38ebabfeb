/**
 * Saved states of the prompts that were read last: the cells of a prompt that comes again, as in several samples of one question, or
 * that begins as an earlier one, as in the next turn of a conversation, are copied instead of computed.
 */
import type { PromptReuse } from './types.ts'

/** What the states may take together. A question of 100 tokens takes 3 MB with a model of 1.5 billion parameters. */
const defaultPromptStateBytes = 128 * 2 ** 20
/** Less is read as fast as it is copied. */
const leastShared = 16

export interface SavedPrompt {
  readonly state: Uint8Array
  /** The fewest of its first tokens that a copy can be shortened to. */
  readonly shortest: number
}

/** A prompt as far as it is copied: all tokens but the last, whose pass gives the first logits. */
interface PromptState extends SavedPrompt {
  readonly scope: string
  readonly tokens: Int32Array
  /** Whether it was read from its beginning: then a copy changes not one bit. */
  readonly isExact: boolean
}

export interface PromptQuery {
  readonly tokens: Int32Array
  readonly reuse: PromptReuse
  /** Only prompts of the same scope are shared. */
  readonly scope: string
}

export interface FoundState {
  readonly state: Uint8Array
  /** Tokens of the state. */
  readonly length: number
  /** How many of the first of them are the prompt's too. */
  readonly shared: number
  readonly isExact: boolean
}

export class PromptStates {
  readonly #mostPrompts: number
  readonly #mostBytes: number
  /** The one that was used last is the last. */
  #kept: readonly PromptState[] = []

  /** @param mostPrompts how many are kept at most */
  constructor(mostPrompts: number, mostBytes = defaultPromptStateBytes) {
    this.#mostPrompts = mostPrompts
    this.#mostBytes = mostBytes
  }

  /** The state that saves most of the reading. */
  find({ tokens, reuse, scope }: PromptQuery): FoundState | undefined {
    if (reuse === 'none') return undefined
    let best: { readonly one: PromptState; readonly shared: number } | undefined
    for (const one of this.#kept) {
      if (one.scope !== scope || (reuse === 'exact' && !one.isExact)) continue
      const shared = sharedLength(one.tokens, tokens)
      const isWhole = shared === one.tokens.length
      const isEqual = isWhole && shared === tokens.length
      const isUsable = isEqual || (reuse === 'prefix' && shared >= leastShared && (isWhole || shared >= one.shortest))
      if (isUsable && shared > (best?.shared ?? 0)) best = { one, shared }
    }
    if (!best) return undefined
    const { one, shared } = best
    this.#kept = [...this.#kept.filter((other) => other !== one), one]
    return { state: one.state, length: one.tokens.length, shared, isExact: one.isExact && shared === tokens.length }
  }

  /**
   * Keeps a state, and drops those that were not used for longest.
   * @param bytes about how large it is
   * @param save makes it; not called for one that is kept already, or too large
   */
  keep(
    { tokens, scope, isExact }: Pick<PromptState, 'tokens' | 'scope' | 'isExact'>,
    bytes: number,
    save: () => SavedPrompt,
  ): void {
    const isKept = (one: PromptState) =>
      one.scope === scope &&
      (one.isExact || !isExact) &&
      sharedLength(one.tokens, tokens) === Math.max(tokens.length, one.tokens.length)
    if (tokens.length === 0 || bytes > this.#mostBytes || this.#kept.some(isKept)) return
    const kept = [...this.#kept, { scope, tokens: tokens.slice(), ...save(), isExact }]
    const total = () => kept.reduce((sum, { state }) => sum + state.length, 0)
    while (kept.length > this.#mostPrompts || total() > this.#mostBytes) kept.shift()
    this.#kept = kept
  }
}

function sharedLength(a: Int32Array, b: Int32Array): number {
  const most = Math.min(a.length, b.length)
  for (let i = 0; i < most; i++) if (a[i] !== b[i]) return i
  return most
}
