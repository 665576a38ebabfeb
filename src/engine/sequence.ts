/**
 * One generation under way: chooses its tokens, and puts its cache side and its text side together. The loop calls `consume`
 * after each forward pass; all else follows from it.
 */
import { bytesOfCells, type CellBytes } from '../cache/cell-bytes.ts'
import type { CompactionChoice } from '../cache/compaction.ts'
import type { ForwardPass, LoopModel, TokenSampler } from './forward-pass.ts'
import type { PreparedRequest } from './prepare.ts'
import { report } from './report.ts'
import type { PromptStates, SavedPrompt } from './prompt-states.ts'
import { SequenceCache } from './sequence-cache.ts'
import { SequenceText } from './sequence-text.ts'
import { ThinkingLimit, type ForcedToken } from './thinking-limit.ts'
import { addBias, TokenOdds } from './token-odds.ts'
import type {
  FinishReason,
  GenerateEvent,
  GenerateResult,
  PromptEvent,
  PromptEviction,
  ThinkingEnd,
  TokenOddsReport,
} from './types.ts'

export interface SequenceOptions {
  readonly compaction: CompactionChoice
  readonly cellBytes: CellBytes
  readonly promptStates: PromptStates
}

/** For so many tokens a thinking that is to be closed may go on, because it is within a character, or within what may be a tag. */
const mostWaited = 4

export class Sequence {
  readonly prepared: PreparedRequest
  readonly sequenceId: number
  /** Prompt tokens that are in the cache already. */
  prefilled = 0
  /** How many of them were copied. */
  #cachedPromptTokens = 0
  /** Whether the prompt's cells are those that reading it from its beginning gives. */
  #isExact = true
  /** Time of the forward passes that this sequence took part in. */
  forwardMs = 0
  /** Set once the generation has ended. */
  result: GenerateResult | undefined
  readonly #forward: ForwardPass
  readonly #cellBytes: CellBytes
  readonly #promptStates: PromptStates
  readonly #cache: SequenceCache
  readonly #text: SequenceText
  readonly #vocab: LoopModel['vocab']
  readonly #sampler: TokenSampler | undefined
  readonly #generated: number[] = []
  readonly #logprobs: number[] = []
  /** Tokens that are fed next instead of sampled ones. */
  readonly #forced: ForcedToken[] = []
  readonly #thinkingLimit: ThinkingLimit | undefined
  /** Tokens that open a thinking, where an answer must be told from it. */
  readonly #opening: readonly ForcedToken[]
  /** Whether the caller wants an answer now. */
  #mustAnswer = false
  /** Who closes the thinking once its text is whole, and for how many tokens that was not so. */
  #closing: { readonly by: ThinkingEnd; waited: number } | undefined
  /** Whether a thinking has ended, and no other has begun. */
  #hasEnded = false
  /** Which limit closed the thinking, if one did. */
  #closedBy: ThinkingEnd | undefined
  /** Of tokens of the prompt, of which nothing was told yet. */
  #promptOdds: TokenOddsReport[] = []
  #prefillMs = 0
  #prefillStart: number | undefined
  #decodeStart: number | undefined

  constructor(
    forward: ForwardPass,
    model: LoopModel,
    prepared: PreparedRequest,
    sequenceId: number,
    { compaction, cellBytes, promptStates }: SequenceOptions,
  ) {
    this.prepared = prepared
    this.sequenceId = sequenceId
    this.#forward = forward
    this.#cellBytes = cellBytes
    this.#promptStates = promptStates
    this.#vocab = model.vocab
    this.#cache = new SequenceCache(forward, model, prepared, sequenceId, compaction)
    this.#text = new SequenceText(model, prepared, this.#cache.cells)
    const limits = prepared.replay ? undefined : prepared
    this.#thinkingLimit = limits && new ThinkingLimit(limits, model.thinkingTags, model.vocab)
    const { sampling, seed, grammar } = prepared
    this.#sampler = prepared.replay ? undefined : model.createSampler(sampling, seed, grammar)
    this.#opening = grammar === undefined ? [] : openingOf(model)
    for (const token of penalisedPrompt(prepared)) this.#sampler?.accept(token)
  }

  get needsHiddenState(): boolean {
    return this.#cache.needsHiddenState
  }

  /** Whether the policy looks at the attention of `next`. */
  get needsAttention(): boolean {
    return this.#cache.looksAtNext(this.#generated.length)
  }

  /** Whether its tokens are given, up to the end. */
  get isReplay(): boolean {
    return this.prepared.replay !== undefined
  }

  /** The token that the next forward pass consumes, and its position. */
  get next(): { token: number; position: number } {
    return { token: this.#generated.at(-1) ?? -1, position: this.#position }
  }

  get #position(): number {
    return this.prepared.promptTokens.length + this.#generated.length - 1
  }

  /**
   * Reads the next part of the prompt into the cache, or copies it; true when the prompt is complete and row 0 holds its output. The
   * last token always has a pass of its own, so that the output is the same whether the others were read or copied.
   */
  prefill(): boolean {
    const start = performance.now()
    this.#prefillStart ??= start
    const { promptTokens, promptEviction: eviction, promptScope: scope } = this.prepared
    // Of a prompt that loses cells, what is read before: copies hold all of their tokens.
    const whole = promptTokens.subarray(0, eviction?.at ?? -1)
    if (this.prefilled === 0) this.#copy(whole)
    const left = whole.length - this.prefilled
    const piece = Math.min(left, this.#mostPiece)
    if (piece > 0) this.#readPiece(piece)
    const isComplete = left === piece
    if (isComplete) {
      const bytes = bytesOfCells(this.#cellBytes, whole.length)
      const prompt = { tokens: whole, scope, isExact: this.#isExact }
      if (this.#canReuse) this.#promptStates.keep(prompt, bytes, () => this.#save())
      if (eviction) this.#readBehind(eviction)
      else this.#read(1, 'last')
    }
    this.#prefillMs += performance.now() - start
    return isComplete
  }

  /** Evicts, and reads the rest of the prompt. */
  #readBehind({ at, leaving }: PromptEviction): void {
    const { length } = this.prepared.promptTokens
    const read = (count: number) => this.#read(count, this.prefilled + count === length ? 'last' : 'none')
    const newest = leaving.filter((position) => position === at - 1)
    this.#cache.evictPrompt(Int32Array.from(leaving.slice(0, leaving.length - newest.length)))
    read(1)
    this.#cache.evictPrompt(Int32Array.from(newest))
    while (this.prefilled < length) read(Math.min(Math.max(1, length - 1 - this.prefilled), this.#forward.batchTokens))
  }

  /** How far the prompt is, and what came to be known of it since this was asked last. */
  get promptProgress(): PromptEvent {
    const now = performance.now()
    const odds = this.#promptOdds
    this.#promptOdds = []
    return {
      type: 'prompt',
      total: this.prepared.promptTokens.length,
      cached: this.#cachedPromptTokens,
      processed: this.prefilled,
      ms: now - (this.#prefillStart ?? now),
      ...(this.prepared.promptLogprobs === undefined ? {} : { odds }),
    }
  }

  /** Whether its prompt is that of another one, as of the choices of a request, and is copied once that one has read it. */
  willCopy({ prepared: other }: Sequence): boolean {
    const { promptTokens, promptScope, promptEviction } = this.prepared
    const isSame = promptTokens === other.promptTokens && promptScope === other.promptScope
    if (!isSame || this.prefilled > 0 || other.promptReuse === 'none') return false
    if (other.promptLogprobs !== undefined) return false
    return (promptEviction ?? other.promptEviction) === undefined && this.#canCopy(promptTokens.length - 1)
  }

  #canCopy(tokens: number): boolean {
    return this.#canReuse && this.#cache.promptRows(0, tokens) === 0
  }

  /** Takes the cells of a prompt that was read before, unless the policy has to see how it is read. */
  #copy(tokens: Int32Array): void {
    if (!this.#canCopy(tokens.length)) return
    const { promptReuse: reuse, promptScope: scope } = this.prepared
    const found = this.#promptStates.find({ tokens, reuse, scope })
    if (!found) return
    const { state, length, shared, isExact } = found
    this.#forward.restore(this.sequenceId, state)
    if (shared < length) this.#forward.remove(this.sequenceId, shared, length)
    this.#cache.takePrompt(0, tokens.subarray(0, shared), 0)
    this.prefilled = shared
    this.#cachedPromptTokens = shared
    this.#isExact = isExact && this.#forward.restoresExactly
  }

  /** Whether copies are wanted, and are as good as is wanted. */
  get #canReuse(): boolean {
    const { promptReuse, promptLogprobs } = this.prepared
    // A copy has no outputs, and what is read in smaller passes rounds otherwise.
    if (!this.#forward.canRestore || promptLogprobs !== undefined) return false
    return promptReuse === 'prefix' || (promptReuse === 'exact' && this.#forward.restoresExactly)
  }

  #save(): SavedPrompt {
    const state = this.#forward.save(this.sequenceId)
    return { state, shortest: this.#forward.shortestPrefix(state) }
  }

  /** Tokens of the prompt that are read at once. Where their odds are told each has an output, which takes long: the others wait less. */
  get #mostPiece(): number {
    const { batchTokens, outputRows } = this.#forward
    return this.prepared.promptLogprobs === undefined ? batchTokens : Math.min(batchTokens, outputRows)
  }

  #readPiece(count: number): void {
    const { promptTokens, promptLogprobs } = this.prepared
    const start = this.prefilled
    this.#read(count, promptLogprobs === undefined ? 'none' : 'all')
    if (promptLogprobs === undefined) return
    for (let row = 0; row < count; row++) {
      const odds = new TokenOdds(this.#forward.logits(row), promptLogprobs)
      this.#promptOdds.push(this.#reportOf(odds, promptTokens[start + row + 1] ?? -1))
    }
  }

  #read(count: number, output: 'none' | 'last' | 'all'): void {
    const start = performance.now()
    const chunk = this.prepared.promptTokens.subarray(this.prefilled, this.prefilled + count)
    const rows = this.#cache.promptRows(this.prefilled, count)
    this.#forward.append(this.sequenceId, chunk, this.prefilled, output, rows)
    this.#forward.synchronize()
    this.forwardMs += performance.now() - start
    this.#cache.takePrompt(this.prefilled, chunk, rows)
    this.prefilled += count
  }

  /** Closes the thinking where its text is whole; without effect when it does not think. */
  endThinking(): void {
    this.#mustAnswer = this.#text.phase === 'thinking'
  }

  /** After the prefill: chooses the first token from row 0. */
  start(events: GenerateEvent[]): void {
    this.#decodeStart = performance.now()
    this.#text.start(events)
    if (this.prepared.maxTokens === 0) {
      this.finish('length', events)
      return
    }
    if (this.#text.phase === undefined) this.#forced.push(...this.#opening)
    this.#closeThinkingWhenDue()
    this.#choose(0, events)
  }

  /** Reads the next tokens of a replay in one pass, as many as come before the next eviction, and consumes one after another. */
  readReplay(events: GenerateEvent[]): void {
    const start = performance.now()
    const replay = this.prepared.replay ?? []
    const consumed = this.#generated.length - 1
    const { outputRows, batchTokens } = this.#forward
    // The last token is never consumed.
    const left = replay.length - 1 - consumed
    const count = Math.min(left, outputRows, batchTokens, this.#cache.cellsBeforeEviction)
    const attentionRows = this.#cache.rowsAhead(count, consumed + 1)
    const tokens = replay.slice(consumed, consumed + count)
    this.#forward.append(this.sequenceId, tokens, this.#position, 'all', attentionRows)
    this.#forward.synchronize()
    this.forwardMs += performance.now() - start
    for (let row = 0; row < count; row++) this.consume(row, events, row - (count - attentionRows))
  }

  /**
   * After the forward pass that consumed `next`: notes the cell, evicts if the budget is reached, chooses a token.
   * @param row of the pass's output
   * @param attentionRow of its attention, if it was read
   */
  consume(row: number, events: GenerateEvent[], attentionRow = row): void {
    const { token, position } = this.next
    const eviction = this.#cache.take(token, position, this.#text.kind, { row, attentionRow }, this.#generated.length)
    if (eviction) events.push(eviction)
    this.#choose(row, events)
  }

  /** Ends the generation; its cells are free afterwards. */
  finish(reason: FinishReason, events: GenerateEvent[]): void {
    this.#text.finish(this.#position, reason !== 'stop', events)
    this.result = this.#report(reason)
    this.dispose()
    events.push({ type: 'finish', result: this.result })
  }

  /** Gives cells and native objects back; allowed twice. */
  dispose(): void {
    this.#sampler?.dispose()
    this.#cache.cells.release()
  }

  /** Chooses the next token by replay, by force or by sampling, and ends the generation where it is due. */
  #choose(row: number, events: GenerateEvent[]): void {
    const { replay, maxTokens, logitBias } = this.prepared
    let forced = this.#forced.shift()
    const odds = this.#oddsOf(row)
    this.#cache.noteChoice(row)
    if (!replay && !forced && logitBias.size > 0) addBias(this.#forward.logits(row), logitBias)
    let token = replay?.[this.#generated.length] ?? forced?.token ?? this.#sample(row)
    if (this.#endsWithoutAnswer(token)) {
      this.#forced.push(...(this.#thinkingLimit?.closing ?? []).filter(({ isTag }) => isTag))
      forced = this.#forced.shift()
      token = forced?.token
    }
    if (token === undefined) throw new Error('there is neither a sampler nor a token to replay')
    if (replay) this.#logprobs.push(this.#forward.logprob(row, token))
    else if (forced) this.#sampler?.accept(token)
    this.#generated.push(token)
    const facts = { isForcedTag: forced?.isTag ?? false, odds: odds && this.#reportOf(odds, token) }
    const ending = this.#text.read(token, this.#position, facts, events)
    this.#closeThinkingWhenDue()
    if (replay) {
      if (this.#generated.length === replay.length) this.finish(ending === 'end-token' ? 'stop' : 'length', events)
    } else if (ending) {
      this.finish('stop', events)
    } else if (this.#generated.length >= maxTokens) {
      this.finish('length', events)
    }
  }

  /** Whether a model that is held to a form would end within its thinking, before there is an answer. */
  #endsWithoutAnswer(token: number | undefined): boolean {
    if (this.prepared.grammar === undefined || this.#text.phase !== 'thinking') return false
    return token !== undefined && this.#vocab.endsGeneration(token)
  }

  #sample(row: number): number | undefined {
    const { grammar } = this.prepared
    const isAnswer = this.#text.phase === 'answer' || (this.#text.phase === undefined && this.#opening.length === 0)
    if (grammar === undefined || !isAnswer || !this.#sampler?.sampleAnswer) return this.#sampler?.sample(row)
    return this.#sampler.sampleAnswer(row, this.#text.counts.answer.trimStart())
  }

  /** Of the tokens that may come next; undefined if nobody asks. */
  #oddsOf(row: number): TokenOdds | undefined {
    const { logprobs, logitBias } = this.prepared
    if (logprobs === undefined) return undefined
    const logits = this.#forward.logits(row)
    // A bias is written into them.
    return new TokenOdds(logitBias.size > 0 ? logits.slice() : logits, logprobs)
  }

  #reportOf(odds: TokenOdds, token: number): TokenOddsReport {
    const bytesOf = (one: number) => this.#vocab.piece(one)
    const top = odds.likeliest().map((likely) => ({ ...likely, bytes: bytesOf(likely.token) }))
    return { logprob: odds.logprobOf(token), bytes: bytesOf(token), top }
  }

  #closeThinkingWhenDue(): void {
    if (this.#text.phase !== 'thinking') {
      this.#mustAnswer = false
      this.#closing = undefined
      this.#hasEnded = true
      return
    }
    // Another thinking than the one that was closed.
    if (this.#hasEnded) this.#closedBy = undefined
    this.#hasEnded = false
    if (!this.#thinkingLimit || this.#forced.length > 0) return
    const { thinkingTokens } = this.#text
    const due = this.#mustAnswer ? 'caller' : this.#thinkingLimit.due({ thinkingTokens, generated: this.#generated })
    if (due) this.#closing ??= { by: due, waited: 0 }
    this.#mustAnswer = false
    if (!this.#closing) return
    if (!this.#text.isWhole && this.#closing.waited++ < mostWaited) return
    this.#closedBy = this.#closing.by
    this.#closing = undefined
    this.#forced.push(...this.#thinkingLimit.closing)
  }

  get #thinkingEnd(): ThinkingEnd | null {
    if (!this.#text.hasThought) return null
    return this.#text.phase === 'thinking' ? 'unclosed' : (this.#closedBy ?? 'model')
  }

  #report(finishReason: FinishReason): GenerateResult {
    return report(this.prepared, {
      finishReason,
      thinkingEnd: this.#thinkingEnd,
      ...this.#text.counts,
      ...this.#cache.counts,
      cachedPromptTokens: this.#cachedPromptTokens,
      generated: this.#generated,
      logprobs: this.#logprobs,
      cellBytes: this.#cellBytes,
      allocatedCells: this.#forward.cellsPerSequence,
      prefillMs: this.#prefillMs,
      decodeMs: this.#decodeStart === undefined ? 0 : performance.now() - this.#decodeStart,
      forwardMs: this.forwardMs,
    })
  }
}

/** The prompt's tokens that repeat penalties look back on, as in transformers. */
function penalisedPrompt({ promptTokens, sampling }: PreparedRequest): Int32Array {
  const { repeatPenalty, frequencyPenalty, presencePenalty, repeatLastN } = sampling
  const penalised = repeatPenalty !== 1 || frequencyPenalty !== 0 || presencePenalty !== 0
  return penalised && repeatLastN > 0 ? promptTokens.subarray(-repeatLastN) : new Int32Array()
}

/** Of a model that is known to think. */
function openingOf({ thinkingTags, vocab }: LoopModel): readonly ForcedToken[] {
  if (thinkingTags.areAssumed) return []
  return [...vocab.tokenizeContinuation(`${thinkingTags.open}\n`)].map((token) => ({ token, isTag: true }))
}
