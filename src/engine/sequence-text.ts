/**
 * The text side of a generation: bytes to text, text to thinking and answer, and the events that show them. Says of each
 * token what its cell counts as.
 */
import type { SequenceCells } from '../cache/sequence-cells.ts'
import { CellKind } from '../cache/windows.ts'
import type { LoopModel } from './forward-pass.ts'
import type { PreparedRequest } from './prepare.ts'
import { ReasoningPhase, type Phase, type PhaseStep } from './reasoning-phase.ts'
import type { Counts } from './report.ts'
import { StopTexts } from './stop-condition.ts'
import { missingBytes } from './utf8.ts'
import type { GenerateEvent, TokenOddsReport } from './types.ts'

/** The token of an event. */
interface ShownToken {
  /** null: there is only text. */
  readonly token: number | null
  readonly bytes?: Uint8Array | undefined
  readonly isTag?: boolean | undefined
  readonly odds?: TokenOddsReport | undefined
}
const noToken: ShownToken = { token: null }

export class SequenceText {
  /** What the cell of the token that was read last counts as. */
  kind: CellKind = CellKind.answer
  /** Tokens between the tags that the model generated. */
  thinkingTokens = 0
  readonly #vocab: LoopModel['vocab']
  readonly #cells: Pick<SequenceCells, 'heldCells' | 'relabel'>
  readonly #phase: ReasoningPhase
  readonly #stops: StopTexts
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  #announcedPhase: Phase | undefined
  /** The bytes that were read last: those of a character may come in several tokens. */
  #lastBytes: Uint8Array = new Uint8Array()
  #tokens = 0
  #text = ''
  #thinking = ''
  #answer = ''

  /** @param cells those of the text's tokens: parts of tags are relabelled */
  constructor(
    { vocab, thinkingTags }: Pick<LoopModel, 'vocab' | 'thinkingTags'>,
    { stop, opening }: Pick<PreparedRequest, 'stop' | 'opening'>,
    cells: Pick<SequenceCells, 'heldCells' | 'relabel'>,
  ) {
    this.#vocab = vocab
    this.#cells = cells
    this.#phase = new ReasoningPhase(thinkingTags, opening)
    this.#stops = new StopTexts(stop)
  }

  /** The phase that the next text belongs to; undefined while the turn may still begin with an opening tag. */
  get phase(): Phase | undefined {
    return this.#phase.phase
  }

  /** Whether the text so far ends neither within a character nor within what may be a tag. */
  get isWhole(): boolean {
    return missingBytes(this.#lastBytes) === 0 && !this.#phase.mayBeWithinTag
  }

  /** Whether there was a thinking, closed or not. */
  get hasThought(): boolean {
    return this.#phase.hasThought
  }

  get counts(): Pick<Counts, 'text' | 'thinking' | 'answer' | 'thinkingTokens' | 'stopText'> {
    return {
      text: this.#text,
      thinking: this.#thinking,
      answer: this.#answer,
      thinkingTokens: this.thinkingTokens,
      stopText: this.#stops.found ?? null,
    }
  }

  /** Before the first token. */
  start(events: GenerateEvent[]): void {
    if (this.phase) this.#announce(this.phase, events)
  }

  /**
   * Takes the next token into account.
   * @param facts whether it closes the thinking in the model's stead; its odds, if they are asked for
   * @returns what ends the generation here, if anything does; a replay goes on
   */
  read(
    token: number,
    position: number,
    { isForcedTag: forced, odds }: { readonly isForcedTag: boolean; readonly odds?: TokenOddsReport | undefined },
    events: GenerateEvent[],
  ): 'end-token' | 'stop-text' | undefined {
    const ended = this.#vocab.endsGeneration(token)
    const piece = this.#vocab.piece(token)
    const bytes = ended ? new Uint8Array() : piece
    const text = this.#decoder.decode(bytes, { stream: true })
    this.#lastBytes = Uint8Array.from([...this.#lastBytes, ...bytes]).slice(-3)
    const phaseBefore = this.phase
    const { kind, isTag, tagPositions, segments, thinkingBefore } = this.#phase.push(text, position)
    this.#text += text
    if (thinkingBefore !== undefined) this.thinkingTokens = this.#tokens - tagPositions.length
    this.#tokens++
    // A forced line break before the closing tag belongs to the tag.
    this.kind = forced ? CellKind.answer : kind
    const { phase } = this
    for (const tagPosition of tagPositions) {
      this.#cells.relabel(tagPosition, CellKind.answer)
      if (phaseBefore === 'thinking' && !forced) this.thinkingTokens--
    }
    if (phase === 'thinking' && kind === CellKind.thinking && !ended && !forced) this.thinkingTokens++
    const stopped = this.#show(
      { token, bytes: piece, isTag: isTag || ended || forced, odds },
      position,
      { segments, thinkingBefore },
      events,
    )
    if (phase) this.#announce(phase, events)
    return ended ? 'end-token' : stopped ? 'stop-text' : undefined
  }

  /**
   * After the last token: shows what was held back.
   * @param isCut whether the generation was ended from outside
   */
  finish(position: number, isCut: boolean, events: GenerateEvent[]): void {
    const { segments, tagPositions } = this.#phase.finish(isCut)
    if (this.phase === 'thinking') this.thinkingTokens -= tagPositions.length
    for (const { phase, text } of segments) {
      this.#flush(phase, this.#write(phase, text).text, position, events)
    }
    const held = this.#stops.finish()
    this.#answer += held
    this.#flush('answer', held, position, events)
  }

  /** Emits a token's event, and one more for each further phase that its text reaches into; true at a stop text. */
  #show(
    shown: ShownToken,
    position: number,
    { segments, thinkingBefore }: Pick<PhaseStep, 'segments' | 'thinkingBefore'>,
    events: GenerateEvent[],
  ): boolean {
    let unshown: ShownToken | undefined = shown
    for (const [i, segment] of segments.entries()) {
      if (i === thinkingBefore) this.#moveToThinking()
      this.#announce(segment.phase, events)
      const { text, stopped } = this.#write(segment.phase, segment.text)
      this.#emit(unshown ?? noToken, position, segment.phase, text, events)
      unshown = undefined
      if (stopped) return true
    }
    if (thinkingBefore === segments.length) this.#moveToThinking()
    if (unshown) this.#emit(unshown, position, this.#announcedPhase ?? 'answer', '', events)
    return false
  }

  /** What was taken for answer was thinking. */
  #moveToThinking(): void {
    this.#thinking += this.#answer + this.#stops.finish()
    this.#answer = ''
  }

  #write(phase: Phase, text: string): { text: string; stopped: boolean } {
    if (phase === 'thinking') {
      this.#thinking += text
      return { text, stopped: false }
    }
    const released = this.#stops.push(text)
    this.#answer += released.text
    return released
  }

  #flush(phase: Phase, text: string, position: number, events: GenerateEvent[]): void {
    if (text === '') return
    this.#announce(phase, events)
    this.#emit(noToken, position, phase, text, events)
  }

  #emit(shown: ShownToken, position: number, phase: Phase, text: string, events: GenerateEvent[]): void {
    const { token, odds, ...facts } = shown
    const event = { type: 'token', token, position, phase, text, cells: this.#cells.heldCells, ...facts } as const
    events.push(odds ? { ...event, odds } : event)
  }

  #announce(phase: Phase, events: GenerateEvent[]): void {
    if (phase === this.#announcedPhase) return
    this.#announcedPhase = phase
    events.push({ type: 'phase', phase })
  }
}
