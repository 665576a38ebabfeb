/**
 * Which cells of one trace a policy keeps: the trace is replayed under it, so that all policies are asked about the same tokens.
 *
 * Source: arXiv 2601.18383, Figure 1 (left), which is a drawing; here it is measured.
 */
import type { Engine } from '../engine/engine.ts'
import type { GenerateRequest } from '../engine/types.ts'
import { EngineError } from '../errors.ts'

/** Positions from .. to - 1. */
export type PositionSpan = readonly [from: number, to: number]

export interface KeptCells {
  readonly evictions: number
  /** Tokens, prompt included, that had been read at the last eviction; null: there was none. */
  readonly readAtLast: number | null
  /** What was held right after the last eviction, ascending; without one the whole trace. */
  readonly kept: readonly PositionSpan[]
}

/**
 * @param request with the trace as `replay`
 * @throws EngineError `events_missed`; what a generation throws; the signal's reason
 */
export async function keptCells(
  engine: Pick<Engine, 'generate'>,
  request: GenerateRequest,
  { signal, onToken }: { readonly signal: AbortSignal; readonly onToken?: (() => void) | undefined },
): Promise<KeptCells> {
  const generation = engine.generate(request, { signal })
  let promptTokens = 0
  let seen = 0
  let last: { readonly step: number; readonly kept: Int32Array } | undefined
  for await (const event of generation) {
    if (event.type === 'start') ({ promptTokens } = event)
    else if (event.type === 'token') onToken?.()
    else if (event.type === 'eviction') {
      seen++
      last = event
    }
  }
  signal.throwIfAborted()
  const { tokens, cache } = await generation.result
  if (seen !== cache.evictions) throw new EngineError('events_missed', 'the replay’s events were read too slowly')
  return {
    evictions: seen,
    readAtLast: last ? promptTokens + last.step : null,
    kept: last ? spansOf(last.kept) : [[0, tokens.length]],
  }
}

/** @param positions ascending */
export function spansOf(positions: Iterable<number>): PositionSpan[] {
  const spans: [number, number][] = []
  for (const position of positions) {
    const last = spans.at(-1)
    if (last?.[1] === position) last[1]++
    else spans.push([position, position + 1])
  }
  return spans
}

/**
 * `question`: of the prompt; `selected`: older than the local window; `local`: the newest at the last eviction; `later`: read after it,
 * which no eviction has asked about.
 */
export const keptParts = ['question', 'selected', 'local', 'later'] as const
export type KeptPart = (typeof keptParts)[number]

export interface KeptSpan {
  readonly part: KeptPart
  readonly from: number
  readonly to: number
}

/**
 * The held cells of a trace by part, ascending.
 * @param trace.tokens of the prompt and all that follows
 * @param localWindow W_l in cells; null: the full cache has none
 */
export function keptSpans(
  { kept, readAtLast }: Pick<KeptCells, 'kept' | 'readAtLast'>,
  { promptTokens, tokens }: { readonly promptTokens: number; readonly tokens: number },
  localWindow: number | null,
): KeptSpan[] {
  const end = readAtLast ?? tokens
  const generated = kept.reduce((sum, [from, to]) => sum + Math.max(0, to - Math.max(from, promptTokens)), 0)
  const localFrom = readAtLast === null ? end : positionFromEnd(kept, Math.min(localWindow ?? 0, generated))
  const bounds = [0, promptTokens, Math.max(promptTokens, localFrom), end]
  const held = kept.flatMap(([from, to]) =>
    (['question', 'selected', 'local'] as const).map((part, i) => ({
      part,
      from: Math.max(from, bounds[i] ?? 0),
      to: Math.min(to, bounds[i + 1] ?? 0),
    })),
  )
  return [...held, { part: 'later' as const, from: end, to: tokens }].filter(({ from, to }) => to > from)
}

/** The position of the first of the last `cells` held cells; the end if there are none. */
function positionFromEnd(kept: readonly PositionSpan[], cells: number): number {
  let left = cells
  for (const [from, to] of kept.toReversed()) {
    if (left <= to - from) return to - left
    left -= to - from
  }
  return kept[0]?.[0] ?? 0
}

/** Share of the cells of one part of the text that are held. */
export function heldShare(spans: readonly KeptSpan[], from: number, to: number): number {
  const held = spans.reduce((sum, span) => sum + Math.max(0, Math.min(span.to, to) - Math.max(span.from, from)), 0)
  return held / (to - from)
}
