/**
 * Runs requests on a real model in this thread, all at once, and notes what a test may want to compare.
 */
import type { CompactionChoice } from '../../src/cache/compaction.ts'
import { DecodeLoop } from '../../src/engine/decode-loop.ts'
import type { LoadedModel } from '../../src/engine/loaded-model.ts'
import type { EvictionEvent, GenerateRequest, GenerateResult } from '../../src/engine/types.ts'
import type { KvType } from '../../src/llama/index.ts'

export interface Run {
  readonly result: GenerateResult
  readonly generated: readonly number[]
  readonly evictions: readonly EvictionEvent[]
  /** For each eviction under a policy with a predictor: the score of each candidate position. */
  readonly scores: readonly ReadonlyMap<number, number>[]
}

export interface RunOptions {
  /** Of each sequence. */
  readonly cells?: number
  readonly sequences?: number
  readonly kvType?: KvType
  readonly compaction?: CompactionChoice
  /** The most tokens of one forward pass. */
  readonly batchTokens?: number
  /** Whether policies may look at attention weights. */
  readonly attention?: boolean
  /** Cancels a request (by its index) after so many of its tokens, at the end of a step. */
  readonly cancel?: { readonly request: number; readonly afterTokens: number }
}

export function runRequests(model: LoadedModel, requests: readonly GenerateRequest[], options: RunOptions = {}): Run[] {
  const {
    cells: cellsPerSequence = 1024,
    sequences = requests.length,
    kvType = 'f16',
    compaction = 'off',
    attention = false,
    batchTokens,
    cancel,
  } = options
  using context = model.createContext({ cellsPerSequence, sequences, kvType, threads: 1, attention, batchTokens })
  const real = model.loopModel(context)
  const scores: Map<number, number>[][] = []
  const loop = new DecodeLoop(
    context,
    {
      ...real,
      createScorer() {
        const scorer = real.createScorer()
        const seen: Map<number, number>[] = []
        scores.push(seen)
        return {
          get scoringMs() {
            return scorer.scoringMs
          },
          push: (position, state) => scorer.push(position, state),
          scores(positions) {
            const values = scorer.scores(positions)
            seen.push(new Map(Array.from(positions, (position, i) => [position, values[i] ?? NaN])))
            return values
          },
        }
      },
    },
    { compaction, cellBytes: { full: 1 } },
  )
  const evictions = requests.map((): EvictionEvent[] => [])
  const results: (GenerateResult | undefined)[] = []
  requests.forEach((request, id) => loop.submit(id, request))
  let tokens = 0
  while (!loop.idle) {
    for (const item of loop.step()) {
      if ('error' in item) throw item.error
      if (item.event.type === 'eviction') evictions[item.requestId]?.push(item.event)
      if (item.event.type === 'finish') results[item.requestId] = item.event.result
      if (item.event.type === 'token' && item.requestId === cancel?.request) tokens++
    }
    if (cancel && tokens >= cancel.afterTokens) loop.cancel(cancel.request)
  }
  return requests.map((_, id) => {
    const result = results[id]
    if (!result) throw new Error(`request ${id} did not end`)
    const generated = result.tokens.slice(result.usage.promptTokens)
    return { result, generated, evictions: evictions[id] ?? [], scores: scores[id] ?? [] }
  })
}

/**
 * How many evictions kept the same cells up to near ties: cells whose scores lie within `tolerance` of the cut. Stops at
 * the first difference, because what follows it differs rightly.
 * @returns the number of compared evictions, or an error text
 */
export function compareKept(a: Run, b: Run, tolerance: number): number | string {
  for (const [i, { kept }] of a.evictions.entries()) {
    const other = b.evictions[i]
    if (!other) return `eviction ${i} is missing`
    const ours = new Set(kept)
    const theirs = new Set(other.kept)
    const different = [...kept.filter((p) => !theirs.has(p)), ...other.kept.filter((p) => !ours.has(p))]
    if (different.length === 0) continue
    const scores = a.scores[i]
    if (!scores) return `eviction ${i} differs without scores`
    const cut = Math.min(...[...scores].filter(([position]) => ours.has(position)).map(([, score]) => score))
    const far = different.filter((position) => !(Math.abs((scores.get(position) ?? Infinity) - cut) <= tolerance))
    return far.length === 0 ? i + 1 : `eviction ${i}: ${far.join(', ')} are no near ties`
  }
  return a.evictions.length
}
