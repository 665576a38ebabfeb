/**
 * The result of a generation, from what was counted on the way.
 */
import { bytesOfCells, bytesOfToken, type CellBytes } from '../cache/cell-bytes.ts'
import type { Occupancy } from '../cache/sequence-cells.ts'
import type { PreparedRequest } from './prepare.ts'
import type { FinishReason, GenerateResult, ThinkingEnd } from './types.ts'

export interface Counts {
  readonly finishReason: FinishReason
  readonly thinkingEnd: ThinkingEnd | null
  readonly stopText: string | null
  readonly text: string
  readonly thinking: string
  readonly answer: string
  readonly cachedPromptTokens: number
  readonly generated: readonly number[]
  readonly thinkingTokens: number
  readonly occupancy: Occupancy
  readonly compactions: number
  readonly degraded: boolean
  readonly cellBytes: CellBytes
  readonly allocatedCells: number
  readonly prefillMs: number
  readonly decodeMs: number
  readonly forwardMs: number
  readonly evictionMs: number
  readonly scoringMs: number
  readonly logprobs: readonly number[]
}

/** Of a request that was cancelled before it began. */
export const nothingCounted: Omit<Counts, 'cellBytes' | 'allocatedCells'> = {
  finishReason: 'cancelled',
  thinkingEnd: null,
  stopText: null,
  text: '',
  thinking: '',
  answer: '',
  cachedPromptTokens: 0,
  generated: [],
  thinkingTokens: 0,
  occupancy: { peakCells: 0, meanCells: 0, finalCells: 0, evictions: 0, evictedTokens: 0 },
  compactions: 0,
  degraded: false,
  prefillMs: 0,
  decodeMs: 0,
  forwardMs: 0,
  evictionMs: 0,
  scoringMs: 0,
  logprobs: [],
}

export function report(prepared: PreparedRequest, counts: Counts): GenerateResult {
  const { bound, promptTokens } = prepared
  const { generated, thinkingTokens, occupancy, cellBytes, allocatedCells, decodeMs } = counts
  return {
    text: counts.text,
    thinking: counts.thinking.trim(),
    answer: counts.answer.trim(),
    finishReason: counts.finishReason,
    thinkingEnd: counts.thinkingEnd,
    stopText: counts.stopText,
    usage: {
      promptTokens: promptTokens.length,
      cachedPromptTokens: counts.cachedPromptTokens,
      thinkingTokens,
      answerTokens: generated.length - thinkingTokens,
    },
    cache: {
      policy: prepared.definition.name,
      policyOptions: plainOptions(prepared.policyOptions),
      protect: prepared.protect,
      budget: bound?.budget ?? null,
      localWindow: bound?.localWindow ?? null,
      ratio: bound?.ratio ?? null,
      evictEvery: bound?.evictEvery ?? null,
      segments: bound?.segments ?? null,
      valueReserve: bound?.valueReserve ?? null,
      ...occupancy,
      bytesPerCell: bytesOfToken(cellBytes),
      peakBytes: bytesOfCells(cellBytes, occupancy.peakCells),
      allocatedCells,
      allocatedBytes: bytesOfCells(cellBytes, allocatedCells),
      compactions: counts.compactions,
      degraded: counts.degraded,
    },
    timing: {
      prefillMs: counts.prefillMs,
      decodeMs,
      forwardMs: counts.forwardMs,
      evictionMs: counts.evictionMs,
      scoringMs: counts.scoringMs,
      tokensPerSecond: decodeMs > 0 ? (generated.length * 1000) / decodeMs : 0,
    },
    seed: prepared.seed,
    tokens: [...promptTokens, ...generated],
    ...(prepared.replay ? { logprobs: counts.logprobs } : {}),
  }
}

/** A user's policy may make anything of its options, and not everything crosses from thread to thread. */
function plainOptions(options: PreparedRequest['policyOptions']): Readonly<Record<string, unknown>> {
  const isPlain = (value: unknown) => ['number', 'string', 'boolean'].includes(typeof value)
  return Object.fromEntries(Object.entries(options).filter(([, value]) => isPlain(value)))
}
