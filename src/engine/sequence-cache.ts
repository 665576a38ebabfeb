/** The cache side of a generation: its cells, what its policy is shown of them, and the evictions. */
import { compactionPays, type CompactionChoice } from '../cache/compaction.ts'
import { SequenceCells } from '../cache/sequence-cells.ts'
import { CellKind } from '../cache/windows.ts'
import { createPolicy } from '../eviction/check-policy.ts'
import type { CachedCells, DecodeStep, EvictionPolicy, HeldCells, Signal } from '../eviction/policy.ts'
import { selectLeaving } from '../eviction/select.ts'
import { valueRanges } from '../eviction/value-ranges.ts'
import { entropyOf } from './entropy.ts'
import type { ForwardPass, LoopModel } from './forward-pass.ts'
import type { Bound, PreparedRequest } from './prepare.ts'
import type { Counts } from './report.ts'
import type { EvictionEvent } from './types.ts'

export class SequenceCache {
  readonly cells: SequenceCells
  readonly needsHiddenState: boolean
  readonly #forward: ForwardPass
  readonly #prepared: PreparedRequest
  readonly #policy: EvictionPolicy
  readonly #needs: ReadonlySet<Signal>
  readonly #scorer: ReturnType<LoopModel['createScorer']> | undefined
  readonly #compacts: boolean
  /** Of the distribution that the token was chosen from which is consumed next. */
  #entropy = NaN
  #degraded = false
  #compactions = 0
  #evictionMs = 0

  /** @param sequenceId in the cache; its cells are emptied */
  constructor(
    forward: ForwardPass,
    model: LoopModel,
    prepared: PreparedRequest,
    sequenceId: number,
    compaction: CompactionChoice,
  ) {
    const { definition, policyOptions, promptTokens, seed, bound } = prepared
    this.#forward = forward
    this.#prepared = prepared
    this.cells = new SequenceCells(forward, sequenceId)
    this.needsHiddenState = definition.needs.has('hidden-state')
    this.#scorer = this.needsHiddenState ? model.createScorer() : undefined
    this.#needs = definition.needs
    this.#policy = createPolicy(definition, policyOptions, {
      promptCells: promptTokens.length,
      seed,
      vocabulary: {
        bos: model.vocab.bos,
        textOf: (token) => new TextDecoder('utf-8', { ignoreBOM: true }).decode(model.vocab.piece(token)),
      },
      ...(this.#scorer ? { importance: this.#scorer } : {}),
      ...(model.calibration && definition.needs.has('calibration') ? { calibration: model.calibration } : {}),
    })
    this.#compacts =
      bound !== undefined &&
      (compaction === 'on' || (compaction === 'auto' && compactionPays(bound.budget, bound.plan, forward)))
  }

  /** Whether the policy looks at the attention of the token that is consumed next, the last of so many generated ones. */
  looksAtNext(generated: number): boolean {
    return this.#looksAt(this.cells.heldCells + 1, generated)
  }

  /** How many cells may come until an eviction follows. */
  get cellsBeforeEviction(): number {
    return (this.#prepared.bound?.budget ?? Infinity) - this.cells.heldCells
  }

  /** Of how many of the last of so many tokens that are consumed next the policy looks at the attention. @param generated with the first of them */
  rowsAhead(count: number, generated: number): number {
    return this.#rowsOf(
      this.cells.heldCells + 1,
      this.cells.heldCells + count,
      (cells) => generated + cells - this.cells.heldCells - 1,
    )
  }

  /** Of how many of the last of these prompt tokens the policy looks at the attention. */
  promptRows(start: number, count: number): number {
    return this.#rowsOf(start + 1, start + count, (cells) => cells - this.#prepared.promptTokens.length)
  }

  /**
   * Of how many of the last tokens that bring the cells from `first` to `last` the policy looks at the attention: the newest queries are
   * those that an eviction may look at.
   */
  #rowsOf(first: number, last: number, consumed: (cells: number) => number): number {
    let rows = 0
    for (let cells = last; cells >= first && this.#looksAt(cells, consumed(cells)); cells--) rows++
    return rows
  }

  /**
   * Whether an eviction can follow within the queries that the policy looks at.
   * @param cells held once the query's own is in the cache
   * @param consumed generated tokens that have been consumed by then, less the prompt's that are still to come; the last
   * that is generated never is
   */
  #looksAt(cells: number, consumed: number): boolean {
    const { bound, queries, maxTokens } = this.#prepared
    if (!bound || queries === 0) return false
    const steps = bound.budget - cells
    return steps < queries && consumed + steps < maxTokens
  }

  /**
   * Notes a part of the prompt that a forward pass has just read.
   * @param rows of how many of its last tokens the attention was read
   */
  takePrompt(start: number, tokens: Int32Array, rows: number): void {
    this.cells.append(start, tokens.length, CellKind.prompt)
    tokens.forEach((token, i) => {
      const row = i - (tokens.length - rows)
      this.#observe({ position: start + i, token }, row < 0 ? undefined : row)
    })
  }

  /** @param leaving positions of the prompt, ascending */
  evictPrompt(leaving: Int32Array): void {
    if (leaving.length > 0) this.cells.evict(leaving)
  }

  /**
   * Notes what of the distribution the policy has to know that the next token is chosen from.
   * @param row of the forward pass's output; its logits are still the model's own
   */
  noteChoice(row: number): void {
    if (this.#needs.has('entropy')) this.#entropy = entropyOf(this.#forward.logits(row))
  }

  /**
   * Notes a generated token that a forward pass has just consumed, and evicts if the cells equal the budget.
   * @param rows of the forward pass's output, and of the attention that it read
   * @param generated tokens so far, this one included
   */
  take(
    token: number,
    position: number,
    kind: CellKind,
    rows: { readonly row: number; readonly attentionRow: number },
    generated: number,
  ): EvictionEvent | undefined {
    const { row } = rows
    const attentionRow = this.looksAtNext(generated) ? rows.attentionRow : undefined
    this.cells.append(position, 1, kind)
    this.cells.countStep()
    const hiddenState = this.needsHiddenState ? { hiddenState: this.#forward.hiddenState(row) } : {}
    const entropy = this.#needs.has('entropy') ? { entropy: this.#entropy } : {}
    this.#observe({ position, token, ...hiddenState, ...entropy }, attentionRow)
    const { bound } = this.#prepared
    return this.cells.heldCells === bound?.budget ? this.#evict(bound, generated) : undefined
  }

  get counts(): Pick<Counts, 'occupancy' | 'compactions' | 'degraded' | 'evictionMs' | 'scoringMs'> {
    return {
      occupancy: this.cells.occupancy,
      compactions: this.#compactions,
      degraded: this.#degraded,
      evictionMs: this.#evictionMs,
      scoringMs: this.#scorer?.scoringMs ?? 0,
    }
  }

  /** @param attentionRow the row of the last forward pass that holds the step's attention */
  #observe(step: DecodeStep, attentionRow: number | undefined): void {
    if (attentionRow === undefined) this.#policy.observe?.(step)
    else this.#policy.observe?.({ ...step, attention: this.#forward.attention(attentionRow) })
  }

  /** The cached keys and values that the policy needs. */
  #neededOf(cached: () => CachedCells): Pick<HeldCells, 'keys' | 'values'> {
    return {
      ...(this.#needs.has('keys') && { keys: cached().keys }),
      ...(this.#needs.has('values') && { values: cached().values() }),
    }
  }

  #evict({ plan, budget, localWindow, segments, valueReserve }: Bound, step: number): EvictionEvent {
    const start = performance.now()
    const { held, kinds, sequenceId, heldCells: before } = this.cells
    let read: CachedCells | undefined
    const cached = () => (read ??= this.#forward.cached(sequenceId))
    const { leaving, degraded, candidates, scores } = selectLeaving({
      held,
      kinds,
      plan,
      localWindow,
      protection: this.#prepared.protection,
      segments,
      reserve:
        valueReserve === undefined
          ? undefined
          : {
              cells: Math.floor(valueReserve * budget),
              score: (candidates) => valueRanges(cached().values(), candidates),
            },
      score: (candidates, leaving) => this.#policy.score(candidates, { held, leaving, ...this.#neededOf(cached) }),
    })
    this.cells.evict(leaving, this.#compacts)
    this.#degraded ||= degraded
    if (this.#compacts) this.#compactions++
    this.#evictionMs += performance.now() - start
    return {
      type: 'eviction',
      step,
      before,
      kept: this.cells.held.slice(),
      evicted: leaving.length,
      leaving,
      ...(this.#prepared.evictionScores ? { scored: { positions: candidates, scores: scores.slice() } } : {}),
      compacted: this.#compacts,
    }
  }
}
