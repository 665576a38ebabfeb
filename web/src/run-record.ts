/** A run as it was told, and what its cache held at each step. No DOM: a live stream, the slider and an opened file use the same. */
import type { EvictionEvent, RunEnd, RunEvent, Runs, StartEvent, TokenEvent } from './protocol.ts'

/** An eviction, and what the policy judged at it. */
export interface Eviction extends Omit<EvictionEvent, 'scored'> {
  /** Positions, ascending, shape [n]; empty: the policy judged nothing. */
  readonly judged: Int32Array
  /** Of each, shape [n]. */
  readonly scores: Float32Array
}

/** What a token's cell is at a step. `rank`: 0 (lowest) to 5 (highest sixth) among all that were judged at the last eviction. */
export type CellState =
  | { readonly kind: 'question' | 'tag' | 'new' | 'gone' | 'unborn' }
  | { readonly kind: 'local' | 'kept'; readonly rank: number | undefined }

const ranks = 6

export class RunRecord {
  start: StartEvent | undefined
  readonly tokens: TokenEvent[] = []
  readonly evictions: Eviction[] = []
  /** Milliseconds since the request, of each token. */
  readonly times: number[] = []
  readonly events: [number, RunEvent][] = []
  answer = ''
  end: RunEnd | undefined
  /** Which eviction a position left at. */
  readonly #leftAt = new Map<number, number>()
  readonly #judgements = new Map<number, Judgement>()
  /** Of the cells after each token and those before it. */
  readonly #cellSums: number[] = []
  #thinkingTokens = 0
  #answerFrom: number | undefined

  /** @param at milliseconds since the request */
  push(event: RunEvent, at: number): void {
    this.events.push([at, event])
    if (event.type === 'start') this.start = event
    else if (event.type === 'token') {
      if (event.phase === 'answer') this.#answerFrom ??= this.tokens.length
      if (event.phase === 'thinking') this.#thinkingTokens++
      this.#cellSums.push((this.#cellSums.at(-1) ?? 0) + event.cells)
      this.tokens.push(event)
      this.times.push(at)
    } else if (event.type === 'eviction') {
      const { scored, ...facts } = event
      for (const position of positionsOf(event.evicted)) this.#leftAt.set(position, this.evictions.length)
      this.evictions.push({
        ...facts,
        judged: Int32Array.from(positionsOf(scored?.runs ?? [])),
        scores: floatsOf(scored?.scores ?? ''),
      })
    }
  }

  /** M: cells of the prompt. */
  get promptCells(): number {
    return this.start?.prompt_tokens ?? 0
  }

  /** How many tokens come before the answer. */
  get answerFrom(): number {
    return this.#answerFrom ?? this.tokens.length
  }

  get thinkingTokens(): number {
    return this.#thinkingTokens
  }

  /** Cells held after each of the first `steps` tokens, on average. */
  meanCells(steps: number): number {
    const counted = Math.min(steps, this.tokens.length)
    return counted > 0 ? (this.#cellSums[counted - 1] ?? 0) / counted : 0
  }

  /** The eviction that `position` left at, if it did up to the end. */
  leftAt(position: number): number | undefined {
    return this.#leftAt.get(position)
  }

  /** What was judged at an eviction. */
  judgement(eviction: number): Judgement | undefined {
    const found = this.evictions[eviction]
    if (!found) return undefined
    const known = this.#judgements.get(eviction) ?? new Judgement(found)
    this.#judgements.set(eviction, known)
    return known
  }
}

/** The scores of one eviction, with the order among them. */
export class Judgement {
  readonly #index: ReadonlyMap<number, number>
  readonly #scores: Float32Array
  /** How many have a lower score, or the same and are older. */
  readonly #below: Int32Array

  constructor({ judged, scores }: Pick<Eviction, 'judged' | 'scores'>) {
    this.#index = new Map([...judged].map((position, i) => [position, i]))
    this.#scores = scores
    const order = [...judged.keys()].sort((a, b) => (scores[a] ?? 0) - (scores[b] ?? 0) || a - b)
    this.#below = new Int32Array(judged.length)
    for (const [below, i] of order.entries()) this.#below[i] = below
  }

  /** Undefined: it was not judged. */
  of(position: number): { readonly score: number; readonly rank: number; readonly shareBelow: number } | undefined {
    const i = this.#index.get(position)
    if (i === undefined) return undefined
    const shareBelow = (this.#below[i] ?? 0) / this.#below.length
    return { score: this.#scores[i] ?? 0, rank: Math.floor(shareBelow * ranks), shareBelow }
  }
}

/** A run after its first `step` generated tokens. */
export class View {
  readonly #record: RunRecord
  readonly step: number
  /** The last eviction up to here; -1: none. */
  readonly eviction: number
  readonly #protectsQuestion: boolean
  readonly #judgement: Judgement | undefined

  /** @param protectsQuestion whether the policy never lets the prompt's cells leave */
  constructor(record: RunRecord, step: number, protectsQuestion: boolean) {
    this.#record = record
    this.step = step
    this.#protectsQuestion = protectsQuestion
    this.eviction = lastUpTo(record.evictions, step)
    this.#judgement = record.judgement(this.eviction)
  }

  /** Positions that exist. */
  get length(): number {
    return this.#record.promptCells + this.step
  }

  isHeld(position: number): boolean {
    return position < this.length && (this.#record.leftAt(position) ?? Infinity) > this.eviction
  }

  /** Cells held, the newest token's own included. */
  get cells(): number {
    const last = this.#record.evictions[this.eviction]
    return last ? last.after + this.step - last.step : this.length
  }

  stateOf(position: number): CellState {
    const { promptCells, start, tokens } = this.#record
    if (position >= this.length) return { kind: 'unborn' }
    if (!this.isHeld(position)) return { kind: 'gone' }
    if (position < promptCells && this.#protectsQuestion) return { kind: 'question' }
    if (tokens[position - promptCells]?.phase === 'tag') return { kind: 'tag' }
    const rank = this.#judgement?.of(position)?.rank
    if (position >= this.length - (start?.local_window ?? 0)) return { kind: 'local', rank }
    return rank === undefined ? { kind: 'new' } : { kind: 'kept', rank }
  }
}

/** Everything that is known of one token at a step. */
export interface TokenFacts {
  readonly text: string
  readonly token: number
  readonly position: number
  readonly phase: 'question' | 'thinking' | 'answer' | 'tag'
  readonly score: number | undefined
  /** Share of what was judged with it that has a lower score. */
  readonly shareBelow: number | undefined
  /** Where it has left by now. */
  readonly left: { readonly eviction: number; readonly step: number; readonly age: number } | undefined
  readonly logprob: number | undefined
}

export function factsOf(record: RunRecord, { step, eviction }: View, position: number): TokenFacts | undefined {
  const { promptCells, start, tokens, evictions } = record
  const own = tokens[position - promptCells]
  const [token, text] = position < promptCells ? (start?.prompt[position] ?? []) : [own?.token, own?.text]
  if (token === undefined || text === undefined || position >= promptCells + step) return undefined
  const leftAt = record.leftAt(position)
  const left = leftAt !== undefined && leftAt <= eviction ? leftAt : undefined
  const judged = record.judgement(left ?? eviction)?.of(position)
  const at = left === undefined ? undefined : evictions[left]?.step
  return {
    ...{ text, token, position, phase: own?.phase ?? 'question', logprob: own?.logprob },
    ...{ score: judged?.score, shareBelow: judged?.shareBelow },
    left:
      left === undefined || at === undefined
        ? undefined
        : { eviction: left, step: at, age: at - Math.max(0, position - promptCells + 1) },
  }
}

const speedMs = 2000

/** As the server counted it; while it runs, of the last two seconds. Undefined: not known yet. */
export function tokensPerSecond({ end, times }: RunRecord): number | undefined {
  if (end) return end.tokensPerSecond
  const last = times.at(-1) ?? 0
  const from = times.findLastIndex((at) => at < last - speedMs) + 1
  const passed = last - (times[from] ?? last)
  // Several come at once: of a short time it would be anything.
  return passed < speedMs / 8 ? undefined : ((times.length - 1 - from) * 1000) / passed
}

/** Where two runs first differ, in generated tokens; undefined: nowhere, as far as both go. */
export function firstDifference(a: RunRecord, b: RunRecord): number | undefined {
  const shorter = Math.min(a.tokens.length, b.tokens.length)
  for (let i = 0; i < shorter; i++) if (a.tokens[i]?.token !== b.tokens[i]?.token) return i
  return undefined
}

/** @param evictions ascending by step */
function lastUpTo(evictions: readonly Eviction[], step: number): number {
  let [low, high] = [0, evictions.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((evictions[middle]?.step ?? Infinity) <= step) low = middle + 1
    else high = middle
  }
  return low - 1
}

function positionsOf(runs: Runs): number[] {
  return runs.flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, i) => first + i))
}

function floatsOf(base64: string): Float32Array {
  const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0))
  return new Float32Array(bytes.buffer)
}
