/**
 * One generation under way: its tokens, its cells, its policy, its phase. The loop calls `consume` after each forward pass;
 * all else follows from it. Knows nothing of other sequences.
 */
import { compactionPays, type CompactionChoice } from '../cache/compaction.ts'
import { SequenceCells } from '../cache/sequence-cells.ts'
import { CellKind } from '../cache/windows.ts'
import { createPolicy } from '../eviction/check-policy.ts'
import type { DecodeStep, EvictionPolicy } from '../eviction/policy.ts'
import { selectLeaving } from '../eviction/select.ts'
import type { ForwardPass, LoopModel, TokenSampler } from './forward-pass.ts'
import { logprobOf } from './logprob.ts'
import type { PreparedRequest } from './prepare.ts'
import { ReasoningPhase, type Phase, type Segment } from './reasoning-phase.ts'
import { report } from './report.ts'
import { StopTexts } from './stop-condition.ts'
import type { EvictionEvent, FinishReason, GenerateEvent, GenerateResult } from './types.ts'

export interface SequenceOptions {
  readonly compaction: CompactionChoice
  /** Keys and values of one token in all layers. */
  readonly bytesPerCell: number
}

export class Sequence {
  readonly prepared: PreparedRequest
  /** The stream of cells in the cache. */
  readonly slot: number
  readonly needsHiddenState: boolean
  /** Prompt tokens that are in the cache already. */
  prefilled = 0
  /** Time of the forward passes that this sequence took part in. */
  forwardMs = 0
  /** Set once the generation has ended. */
  result: GenerateResult | undefined
  readonly #forward: ForwardPass
  readonly #model: LoopModel
  readonly #cells: SequenceCells
  readonly #policy: EvictionPolicy
  readonly #needsKeys: boolean
  readonly #scorer: ReturnType<LoopModel['createScorer']> | undefined
  readonly #sampler: TokenSampler | undefined
  readonly #compacts: boolean
  readonly #bytesPerCell: number
  readonly #phase: ReasoningPhase
  readonly #stops: StopTexts
  readonly #decoder = new TextDecoder()
  readonly #generated: number[] = []
  readonly #logprobs: number[] = []
  /** Tokens that are fed next instead of sampled ones. */
  readonly #forced: number[] = []
  #nextKind: CellKind = CellKind.answer
  #announcedPhase: Phase | undefined
  #text = ''
  #thinking = ''
  #answer = ''
  #thinkingTokens = 0
  #thinkingClosed = false
  #degraded = false
  #compactions = 0
  #evictionMs = 0
  #prefillMs = 0
  #decodeStart: number | undefined

  constructor(
    forward: ForwardPass,
    model: LoopModel,
    prepared: PreparedRequest,
    slot: number,
    options: SequenceOptions,
  ) {
    const { definition, policyOptions, promptTokens, seed, bound } = prepared
    this.prepared = prepared
    this.slot = slot
    this.#forward = forward
    this.#model = model
    this.#cells = new SequenceCells(forward, slot)
    this.needsHiddenState = definition.needs.has('hidden-state')
    this.#scorer = this.needsHiddenState ? model.createScorer() : undefined
    this.#needsKeys = definition.needs.has('keys')
    this.#policy = createPolicy(definition, policyOptions, {
      promptCells: promptTokens.length,
      seed,
      vocabulary: { bos: model.vocab.bos, textOf: (token) => new TextDecoder().decode(model.vocab.piece(token)) },
      ...(this.#scorer ? { importance: this.#scorer } : {}),
    })
    this.#stops = new StopTexts(prepared.stop)
    this.#sampler = prepared.replay ? undefined : model.createSampler(prepared.sampling, seed)
    for (const token of penalisedPrompt(prepared)) this.#sampler?.accept(token)
    this.#bytesPerCell = options.bytesPerCell
    this.#compacts =
      bound !== undefined &&
      (options.compaction === 'on' ||
        (options.compaction === 'auto' && compactionPays(bound.budget, bound.plan, forward)))
    this.#phase = new ReasoningPhase(model.thinkingTags, prepared.opening)
  }

  /** The token that the next forward pass consumes, and its position. */
  get next(): { token: number; position: number } {
    return { token: this.#generated.at(-1) ?? -1, position: this.#position }
  }

  /** Whether the policy looks at the attention of `next`. */
  get needsAttention(): boolean {
    return this.#looksAt(this.#cells.count + 1, this.#generated.length)
  }

  /**
   * Whether an eviction can follow within the queries that the policy looks at.
   * @param cells held once the query's own is in the cache
   * @param consumed generated tokens that have been consumed by then, less the prompt's that are still to come; the last
   * that is generated never is
   */
  #looksAt(cells: number, consumed: number): boolean {
    const { bound, queries, maxTokens } = this.prepared
    if (!bound || queries === 0) return false
    const steps = bound.budget - cells
    return steps < queries && consumed + steps < maxTokens
  }

  get #position(): number {
    return this.prepared.promptTokens.length + this.#generated.length - 1
  }

  /** Reads the next part of the prompt into the cache; true when the prompt is complete and row 0 holds its output. */
  prefill(): boolean {
    const start = performance.now()
    const { promptTokens } = this.prepared
    const chunk = promptTokens.subarray(this.prefilled, this.prefilled + this.#forward.batchTokens)
    const isLast = this.prefilled + chunk.length === promptTokens.length
    // The newest queries are those that an eviction may look at.
    const rows = chunk.filter((_, i) => {
      const cells = this.prefilled + i + 1
      return this.#looksAt(cells, cells - promptTokens.length)
    }).length
    this.#forward.append(this.slot, chunk, this.prefilled, isLast ? 'last' : 'none', rows)
    // A GPU goes on computing until its output is asked for.
    if (isLast) this.#forward.logits(0)
    this.forwardMs += performance.now() - start
    this.#cells.append(this.prefilled, chunk.length, CellKind.prompt)
    chunk.forEach((token, i) => {
      const row = i - (chunk.length - rows)
      this.#observe({ position: this.prefilled + i, token }, row < 0 ? undefined : row)
    })
    this.prefilled += chunk.length
    this.#prefillMs += performance.now() - start
    return isLast
  }

  /** After the prefill: chooses the first token from row 0. */
  start(events: GenerateEvent[]): void {
    this.#decodeStart = performance.now()
    const { phase } = this.#phase
    if (phase) this.#announce(phase, events)
    if (phase === 'thinking') this.#closeThinkingWhenDue()
    this.#choose(0, events)
  }

  /** After the forward pass that consumed `next`: notes the cell, evicts if the budget is reached, chooses a token. */
  consume(row: number, events: GenerateEvent[]): void {
    const { token, position } = this.next
    const attentionRow = this.needsAttention ? row : undefined
    this.#cells.append(position, 1, this.#nextKind)
    this.#cells.countStep()
    const hiddenState = this.needsHiddenState ? { hiddenState: this.#forward.hiddenState(row) } : {}
    this.#observe({ position, token, ...hiddenState }, attentionRow)
    if (this.#cells.count === this.prepared.bound?.budget) events.push(this.#evict())
    this.#choose(row, events)
  }

  /** Ends the generation; its cells are free afterwards. */
  finish(reason: FinishReason, events: GenerateEvent[]): void {
    for (const { phase, text } of this.#phase.finish()) this.#flush(phase, this.#write(phase, text).text, events)
    const held = this.#stops.finish()
    this.#answer += held
    this.#flush('answer', held, events)
    this.result = this.#report(reason)
    this.dispose()
    events.push({ type: 'finish', result: this.result })
  }

  /** Gives cells and native objects back; allowed twice. */
  dispose(): void {
    this.#sampler?.dispose()
    this.#cells.release()
  }

  /** @param attentionRow the row of the last forward pass that holds the step's attention */
  #observe(step: DecodeStep, attentionRow: number | undefined): void {
    if (attentionRow === undefined) this.#policy.observe?.(step)
    else this.#policy.observe?.({ ...step, attention: this.#forward.attention(attentionRow) })
  }

  #evict(): EvictionEvent {
    const { bound } = this.prepared
    if (!bound) throw new Error('the full cache does not evict')
    const start = performance.now()
    const before = this.#cells.count
    const { leaving, degraded } = selectLeaving({
      held: this.#cells.held,
      kinds: this.#cells.kinds,
      plan: bound.plan,
      localWindow: bound.localWindow,
      protection: this.prepared.protection,
      score: (candidates) => {
        const keys = this.#needsKeys ? { keys: this.#forward.keys(this.slot) } : {}
        return this.#policy.score(candidates, { held: this.#cells.held, ...keys })
      },
    })
    this.#cells.evict(leaving)
    this.#degraded ||= degraded
    if (this.#compacts) {
      this.#forward.compact(this.slot)
      this.#compactions++
    }
    this.#evictionMs += performance.now() - start
    return {
      type: 'eviction',
      step: this.#generated.length,
      before,
      kept: this.#cells.held.slice(),
      evicted: leaving.length,
      compacted: this.#compacts,
    }
  }

  /** Chooses the next token by replay, by force or by sampling, and ends the generation where it is due. */
  #choose(row: number, events: GenerateEvent[]): void {
    const { replay, maxTokens } = this.prepared
    const forced = replay?.[this.#generated.length] ?? this.#forced.shift()
    const token = forced ?? this.#sampler?.sample(row)
    if (token === undefined) throw new Error('there is neither a sampler nor a token to replay')
    if (replay) this.#logprobs.push(logprobOf(this.#forward.logits(row), token))
    else if (forced !== undefined) this.#sampler?.accept(forced)
    this.#generated.push(token)
    const ended = this.#model.vocab.endsGeneration(token)
    const stopped = this.#read(token, { ended, forced: forced !== undefined && !replay }, events)
    if (replay) {
      if (this.#generated.length === replay.length) this.finish(ended ? 'stop' : 'length', events)
    } else if (ended || stopped) {
      this.finish('stop', events)
    } else if (this.#generated.length >= maxTokens) {
      this.finish('length', events)
    }
  }

  /** Takes a token's text into account; true if a stop text ended the answer. */
  #read(token: number, { ended, forced }: { ended: boolean; forced: boolean }, events: GenerateEvent[]): boolean {
    const position = this.#position
    const bytes = ended ? new Uint8Array() : this.#model.vocab.piece(token)
    const text = this.#decoder.decode(bytes, { stream: true })
    const phaseBefore = this.#phase.phase
    const { kind, tagPositions, segments } = this.#phase.push(text, position)
    this.#text += text
    // A forced line break before the closing tag belongs to the tag.
    this.#nextKind = forced ? CellKind.answer : kind
    const { phase } = this.#phase
    for (const tagPosition of tagPositions) {
      this.#cells.relabel(tagPosition, CellKind.answer)
      if (phaseBefore === 'thinking' && !forced) this.#thinkingTokens--
    }
    if (phase === 'thinking' && kind === CellKind.thinking && !ended && !forced) this.#thinkingTokens++
    const stopped = this.#show(token, segments, events)
    if (phase) this.#announce(phase, events)
    if (phase === 'thinking') this.#closeThinkingWhenDue()
    return stopped
  }

  /** Emits a token's event, and one more for each further phase that its text reaches into. */
  #show(token: number, segments: readonly Segment[], events: GenerateEvent[]): boolean {
    const unshown = [token]
    let stopped = false
    const emit = (text: string) => {
      const phase = this.#announcedPhase ?? 'answer'
      const position = this.#position
      events.push({ type: 'token', token: unshown.shift() ?? null, position, phase, text, cells: this.#cells.count })
    }
    for (const segment of segments) {
      if (stopped) break
      this.#announce(segment.phase, events)
      const released = this.#write(segment.phase, segment.text)
      stopped = released.stopped
      emit(released.text)
    }
    if (unshown.length > 0) emit('')
    return stopped
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

  #closeThinkingWhenDue(): void {
    const { thinkingBudget, replay } = this.prepared
    if (thinkingBudget === undefined || replay || this.#thinkingClosed || this.#thinkingTokens < thinkingBudget) return
    this.#thinkingClosed = true
    this.#forced.push(...this.#model.vocab.tokenize(`\n${this.#model.thinkingTags.close}\n\n`))
  }

  #flush(phase: Phase, text: string, events: GenerateEvent[]): void {
    if (text === '') return
    this.#announce(phase, events)
    events.push({ type: 'token', token: null, position: this.#position, phase, text, cells: this.#cells.count })
  }

  #announce(phase: Phase, events: GenerateEvent[]): void {
    if (phase === this.#announcedPhase) return
    this.#announcedPhase = phase
    events.push({ type: 'phase', phase })
  }

  #report(finishReason: FinishReason): GenerateResult {
    return report(this.prepared, {
      finishReason,
      text: this.#text,
      thinking: this.#thinking,
      answer: this.#answer,
      generated: this.#generated,
      thinkingTokens: this.#thinkingTokens,
      occupancy: this.#cells.occupancy,
      compactions: this.#compactions,
      degraded: this.#degraded,
      bytesPerCell: this.#bytesPerCell,
      allocatedCells: this.#forward.cells,
      prefillMs: this.#prefillMs,
      decodeMs: this.#decodeStart === undefined ? 0 : performance.now() - this.#decodeStart,
      forwardMs: this.forwardMs,
      evictionMs: this.#evictionMs,
      scoringMs: this.#scorer?.scoringMs ?? 0,
      logprobs: this.#logprobs,
    })
  }
}

/** The prompt's tokens that repeat penalties look back on, as in transformers. */
function penalisedPrompt({ promptTokens, sampling }: PreparedRequest): Int32Array {
  const { repeatPenalty, frequencyPenalty, presencePenalty, repeatLastN } = sampling
  const penalised = repeatPenalty !== 1 || frequencyPenalty !== 0 || presencePenalty !== 0
  return penalised && repeatLastN > 0 ? promptTokens.subarray(-repeatLastN) : new Int32Array()
}
