/**
 * Splits generated text into thinking and answer by the model's own tags, and says of each token what its cell counts as.
 *
 * A generated tag counts as answer. A turn without thinking is answer to its reader, but its cells count as thinking,
 * because only thinking cells may leave first.
 */
import { CellKind } from '../cache/windows.ts'
import type { ThinkingTags } from '../llama/index.ts'
import { overlap } from './text-overlap.ts'

export type Phase = 'thinking' | 'answer'

export interface Segment {
  readonly phase: Phase
  readonly text: string
}

export interface PhaseStep {
  /** What the token's cell counts as. */
  readonly kind: CellKind
  /** Positions of earlier tokens that turned out to be part of a tag: their cells count as answer. */
  readonly tagPositions: readonly number[]
  /** Text that is now certain to belong to a phase; the tags themselves are left out. */
  readonly segments: readonly Segment[]
  /**
   * Of a turn that closes a thinking which nobody has opened: what it said so far, up to this segment, was its thinking. Only now is
   * that known: the text was taken for answer.
   */
  readonly thinkingBefore: number | undefined
}

/** `before`: the turn may still begin with an opening tag. `plain`: a turn without thinking, as far as is known. */
type State = 'before' | 'thinking' | 'answer' | 'plain'

export class ReasoningPhase {
  readonly #tags: ThinkingTags
  /** Whether a turn that has opened no thinking can close one. */
  readonly #mayClose: boolean
  #state: State
  /** Text that may be the beginning of a tag, and the tokens that it came from, each with where its text starts. */
  #held = ''
  #heldTokens: { position: number; start: number }[] = []

  /** @param opening what the prompt has already begun the model's turn with: it may have opened, or closed, the thinking */
  constructor(tags: ThinkingTags, opening: string) {
    this.#tags = tags
    const opened = opening.lastIndexOf(tags.open)
    const closed = opening.lastIndexOf(tags.close)
    if (opened > closed) this.#state = 'thinking'
    else if (closed >= 0 && opening.slice(closed + tags.close.length).trim() === '') this.#state = 'plain'
    else this.#state = 'before'
    this.#mayClose = tags.areAssumed !== true && this.#state === 'before'
  }

  /** The phase that the next text belongs to; undefined while the turn may still begin with an opening tag. */
  get phase(): Phase | undefined {
    if (this.#state === 'before') return undefined
    return this.#state === 'thinking' ? 'thinking' : 'answer'
  }

  /** Takes one token's text, in order. */
  push(text: string, position: number): PhaseStep {
    const stateBefore = this.#state
    this.#heldTokens.push({ position, start: this.#held.length })
    this.#held += text
    const segments: Segment[] = []
    const tagPositions: number[] = []
    let isTag = false
    let thinkingBefore: number | undefined
    for (;;) {
      const tag = this.#awaitedTag()
      if (tag === undefined) {
        this.#emit(segments, this.#held.length)
        break
      }
      const found = this.#held.indexOf(tag)
      if (this.#state === 'before' && found < 0) {
        if (isPrefix(this.#held.trimStart(), tag)) break
        this.#state = 'plain'
        continue
      }
      if (this.#state === 'before' && this.#held.slice(0, found).trim() !== '') {
        this.#state = 'plain'
        continue
      }
      if (found < 0) {
        this.#emit(segments, this.#held.length - overlap(this.#held, tag))
        break
      }
      // White space before an opening tag goes with the tag: it is neither thinking nor answer.
      if (this.#state !== 'before') this.#emit(segments, found)
      if (this.#state === 'plain') thinkingBefore = segments.length
      tagPositions.push(...this.#heldTokens.map((token) => token.position).filter((held) => held !== position))
      isTag = true
      this.#heldTokens = []
      this.#held = this.#held.slice(this.#held.indexOf(tag) + tag.length)
      this.#state = this.#state === 'before' ? 'thinking' : 'answer'
    }
    const kind = isTag || stateBefore === 'answer' ? CellKind.answer : CellKind.thinking
    return { kind, tagPositions, segments, thinkingBefore }
  }

  /** Text that was held back because it looked like the beginning of a tag; call it once, at the end. */
  finish(): Segment[] {
    const segments: Segment[] = []
    this.#emit(segments, this.#held.length)
    return segments
  }

  #awaitedTag(): string | undefined {
    if (this.#state === 'answer' || (this.#state === 'plain' && !this.#mayClose)) return undefined
    return this.#state === 'before' ? this.#tags.open : this.#tags.close
  }

  /** Releases the first `length` characters of the held text. */
  #emit(segments: Segment[], length: number): void {
    if (length > 0) segments.push({ phase: this.phase ?? 'answer', text: this.#held.slice(0, length) })
    this.#held = this.#held.slice(length)
    this.#heldTokens = this.#heldTokens
      .map(({ position, start }) => ({ position, start: start - length }))
      .filter((_, i, tokens) => (tokens[i + 1]?.start ?? this.#held.length) > 0)
  }
}

function isPrefix(text: string, tag: string): boolean {
  return tag.startsWith(text)
}
