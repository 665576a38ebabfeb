/** What a request with `dynts.events` is told besides the text: the page draws its picture from it. */
import type { GenerateEvent, TokenEvent } from '../../engine/types.ts'
import type { Job } from '../service.ts'

export function tokenFacts({ position, token, phase, cells }: TokenEvent) {
  return { type: 'token', position, token, phase, cells }
}

/** Undefined for what is told otherwise. */
export function eventChunk(event: GenerateEvent, job: Job): object | undefined {
  switch (event.type) {
    case 'start': {
      const { policy, budget, localWindow, ratio, evictEvery, leaving, maxTokens, seed, promptTokens } = event
      return {
        type: 'start',
        policy,
        budget,
        local_window: localWindow,
        ratio,
        evict_every: evictEvery,
        leaving,
        max_tokens: maxTokens,
        seed,
        prompt_tokens: promptTokens,
        slot: job.slot,
      }
    }
    case 'eviction':
      return {
        type: 'eviction',
        step: event.step,
        before: event.before,
        after: event.before - event.evicted,
        compacted: event.compacted,
        kept: runsOf(event.kept),
      }
    default:
      return undefined
  }
}

/** Ascending positions as runs, first and last inclusive. */
export function runsOf(positions: Int32Array): [number, number][] {
  const runs: [number, number][] = []
  for (const position of positions) {
    const last = runs.at(-1)
    if (last && last[1] + 1 === position) last[1] = position
    else runs.push([position, position])
  }
  return runs
}
