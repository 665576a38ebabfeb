/** What a request with `dynts.events` is told besides the text: the page draws its picture from it. */
import type { EvictionEvent, GenerateEvent, StartEvent, TokenEvent } from '../../engine/types.ts'
import type { Job } from '../job.ts'
import { cacheOf } from './report.ts'

/** A token of a prompt and its text. */
export type PromptToken = readonly [token: number, text: string]

/** The most tokens of a prompt that are told. */
export const mostPromptTokens = 8192

/** Tells the events of one choice. */
export class ChoiceEvents {
  readonly #prompt: readonly PromptToken[]
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true })

  /** @param prompt its first tokens, `mostPromptTokens` at most */
  constructor(prompt: readonly PromptToken[]) {
    this.#prompt = prompt
  }

  /** Undefined for what is told otherwise. */
  push(event: GenerateEvent, job: Job): object | undefined {
    if (event.type === 'token') return this.#token(event)
    if (event.type === 'start') return start(event, job, this.#prompt)
    if (event.type === 'finish') {
      const { result } = event
      return { type: 'finish', cached_tokens: result.usage.cachedPromptTokens, ...cacheOf({ job, result }) }
    }
    return event.type === 'eviction' ? eviction(event) : undefined
  }

  #token({ position, token, phase, cells, bytes, isTag, odds }: TokenEvent): object | undefined {
    // Only text that had been held back: it was told with its tokens.
    if (token === null) return undefined
    return {
      type: 'token',
      position,
      token,
      text: this.#decoder.decode(bytes, { stream: true }),
      phase: isTag ? 'tag' : phase,
      cells,
      ...(odds ? { logprob: odds.logprob } : {}),
    }
  }
}

function start(event: StartEvent, { slot }: Job, prompt: readonly PromptToken[]): object {
  const { policy, protect, budget, localWindow, ratio, evictEvery, leaving, maxTokens, seed, promptTokens } = event
  return {
    ...{ type: 'start', policy, protect, budget, local_window: localWindow, ratio, evict_every: evictEvery, leaving },
    ...{ max_tokens: maxTokens, seed, prompt_tokens: promptTokens },
    slot,
    prompt,
    ...(prompt.length < promptTokens ? { prompt_cut: true } : {}),
  }
}

function eviction({ step, before, evicted, compacted, leaving, scored }: EvictionEvent): object {
  return {
    type: 'eviction',
    step,
    before,
    after: before - evicted,
    compacted,
    evicted: runsOf(leaving),
    ...(scored ? { scored: { runs: runsOf(scored.positions), scores: base64Of(scored.scores) } } : {}),
  }
}

/** Little-endian, as every machine that llama.cpp's libraries are built for has it. */
function base64Of({ buffer, byteOffset, byteLength }: Float32Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('base64')
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
