/**
 * Splits generated text into thinking and answer by the model's own tags, and says of each token what its cell counts as. Tags inside
 * a thinking or an answer that has begun are text, but for the one that ends it.
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
  /** Whether a tag ends within this token. */
  readonly isTag: boolean
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

/**
 * `before`: the turn may still begin with an opening tag. `between`: behind a part that was closed, where the next may be opened.
 * `plain`: a turn without thinking, as far as is known.
 */
type State = 'before' | 'thinking' | 'between' | 'answer' | 'plain'

/** A tag that is waited for, and what follows it. */
interface Awaited {
  readonly tag: string
  readonly next: State
  /** Only white space may stand before it. */
  readonly isFirst: boolean
}

export class ReasoningPhase {
  readonly #tags: ThinkingTags
  /** Whether a turn that has opened no thinking can close one. */
  readonly #mayClose: boolean
  #state: State
  /** Whether the part that began last has nothing but white space so far. */
  #isBlank = true
  #hasThought: boolean
  /** Text that may be the beginning of a tag, and the tokens that it came from, each with where its text starts. */
  #held = ''
  #heldTokens: { position: number; start: number }[] = []

  /** @param opening what the prompt has already begun the model's turn with: it may have opened, or closed, the thinking */
  constructor(tags: ThinkingTags, opening: string) {
    this.#tags = tags
    this.#state = stateAfter(opening, tags)
    this.#hasThought = this.#state === 'thinking'
    this.#mayClose = !tags.areAssumed && tags.between === '' && this.#state === 'before'
  }

  /** The phase that the next text belongs to; undefined while the turn may still begin with an opening tag. */
  get phase(): Phase | undefined {
    if (this.#state === 'before') return undefined
    return this.#state === 'thinking' ? 'thinking' : 'answer'
  }

  /** Whether there was a thinking, closed or not. */
  get hasThought(): boolean {
    return this.#hasThought
  }

  /** Whether the text so far ends in what may be the beginning of a tag. */
  get mayBeWithinTag(): boolean {
    return this.#held !== ''
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
    for (let found = this.#find(segments); found; found = this.#find(segments)) {
      if (this.#state === 'plain' && this.#mayClose && found.tag === this.#tags.close) thinkingBefore = segments.length
      tagPositions.push(...this.#heldTokens.map((token) => token.position).filter((held) => held !== position))
      isTag = true
      this.#heldTokens = []
      this.#held = this.#held.slice(this.#held.indexOf(found.tag) + found.tag.length)
      if (found.next !== this.#state) this.#isBlank = true
      this.#state = found.next
      this.#hasThought ||= this.#state === 'thinking' || thinkingBefore !== undefined
    }
    const isAnswer = stateBefore === 'answer' || stateBefore === 'between'
    const kind = isTag || isAnswer ? CellKind.answer : CellKind.thinking
    return { kind, isTag, tagPositions, segments, thinkingBefore }
  }

  /**
   * What was held back because it looked like the beginning of a tag; call it once, at the end.
   * @param isCut whether the turn was ended from outside: what has begun as a tag is then no text, and its tokens are a tag's
   */
  finish(isCut: boolean): Pick<PhaseStep, 'segments' | 'tagPositions'> {
    // A single character is more likely text: a bracket, a "less than".
    const isTag = isCut && this.#state !== 'plain' && this.#held.trim().length > 1
    const tagPositions = isTag ? this.#heldTokens.map((token) => token.position) : []
    const segments: Segment[] = []
    if (!isTag) this.#emit(segments, this.#held.length)
    return { segments, tagPositions }
  }

  /** Looks for the next tag in the held text, and releases what stands before it, or what can be the beginning of none. */
  #find(segments: Segment[]): Awaited | undefined {
    const awaited = this.#awaited()
    const trimmed = this.#held.trimStart()
    const leading = awaited.filter(({ isFirst }) => isFirst && this.#isBlank)
    const first = leading.find(({ tag }) => trimmed.startsWith(tag))
    const mayBegin = leading.some(({ tag }) => tag.startsWith(trimmed))
    if (this.#state === 'before' || this.#state === 'between') {
      // White space before an opening tag goes with the tag: it is neither thinking nor answer.
      if (first || mayBegin) return first
      this.#state = this.#state === 'before' ? 'plain' : 'answer'
      return this.#find(segments)
    }
    if (first) return first
    const anywhere = awaited.filter(({ isFirst }) => !isFirst)
    const [next] = anywhere
      .filter(({ tag }) => this.#held.includes(tag))
      .sort((a, b) => this.#held.indexOf(a.tag) - this.#held.indexOf(b.tag))
    const begun = Math.max(0, ...anywhere.map(({ tag }) => overlap(this.#held, tag)), mayBegin ? trimmed.length : 0)
    this.#emit(segments, next ? this.#held.indexOf(next.tag) : this.#held.length - begun)
    return next
  }

  #awaited(): Awaited[] {
    const { open, close, answerOpens, answerClose, between } = this.#tags
    const first = (tag: string, next: State): Awaited => ({ tag, next, isFirst: true })
    const anywhere = (tag: string, next: State): Awaited => ({ tag, next, isFirst: false })
    const hasAnswerTags = answerOpens.length > 0
    const closed = anywhere(close, hasAnswerTags ? 'between' : 'answer')
    const opening = [first(open, 'thinking'), ...answerOpens.map((tag) => first(tag, 'answer'))]
    const answered = answerClose === undefined ? [] : [anywhere(answerClose, 'between')]
    switch (this.#state) {
      case 'before':
        return opening
      case 'thinking':
        // The tag that the prompt has, once more.
        return [closed, first(open, 'thinking')]
      case 'between':
        return [
          ...opening,
          ...(between === '' ? [first(close, 'between')] : opening.map(({ tag, next }) => first(between + tag, next))),
        ]
      case 'answer':
        // Closed twice, or begun to think again at once.
        return hasAnswerTags ? answered : [...answered, first(open, 'thinking'), first(close, 'answer')]
      case 'plain':
        return this.#mayClose ? [closed, ...answered] : answered
    }
  }

  /** Releases the first `length` characters of the held text. */
  #emit(segments: Segment[], length: number): void {
    const text = this.#held.slice(0, length)
    if (text !== '') segments.push({ phase: this.phase ?? 'answer', text })
    if (text.trim() !== '') this.#isBlank = false
    this.#held = this.#held.slice(length)
    this.#heldTokens = this.#heldTokens
      .map(({ position, start }) => ({ position, start: start - length }))
      .filter((_, i, tokens) => (tokens[i + 1]?.start ?? this.#held.length) > 0)
  }
}

function stateAfter(opening: string, { open, close, answerOpens }: ThinkingTags): State {
  const last = [close, ...answerOpens].map((tag) => ({ tag, at: opening.lastIndexOf(tag) }))
  const [closing] = last.filter(({ at }) => at >= 0).sort((a, b) => b.at - a.at)
  if (opening.lastIndexOf(open) > (closing?.at ?? -1)) return 'thinking'
  return closing && opening.slice(closing.at + closing.tag.length).trim() === '' ? 'plain' : 'before'
}
