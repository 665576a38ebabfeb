/**
 * A decode loop whose generations are late in their thinking, ready to be measured.
 */
import { DecodeLoop } from '../src/engine/decode-loop.ts'
import type { LoadedModel } from '../src/engine/loaded-model.ts'
import type { GenerateRequest } from '../src/engine/types.ts'
import type { CompactionChoice } from '../src/cache/compaction.ts'
import type { LlamaContext } from '../src/llama/index.ts'
import type { Bench } from './bench.ts'
import { FastForward, type FastForwardOptions } from './fast-forward.ts'
import type { Sizes } from './sizes.ts'
import { randomPrompt } from './words.ts'

/** Computed before the measurement begins. */
export const warmUpSteps = 8

export interface LateStart extends Omit<FastForwardOptions, 'until'> {
  /** What the generations have in common: policy and settings. */
  readonly request: Omit<GenerateRequest, 'prompt' | 'maxTokens'>
  readonly promptTokens: number
  /** The first measured position, in the sequence that is ahead. */
  readonly position: number
  /** How many steps the loop can then run. */
  readonly steps: number
  /** Steps between the beginnings of two sequences. Default 0: they begin together, one step apart. */
  readonly stagger?: number
  readonly compaction?: CompactionChoice
}

export interface LateLoop extends Disposable {
  readonly loop: DecodeLoop
  readonly forward: FastForward
}

/** As many generations as the context has sequences, all but the first `position` positions still to come. */
export async function startLate(
  bench: Bench,
  context: LlamaContext,
  model: LoadedModel,
  { request, promptTokens, position, steps, stagger = 0, compaction = 'auto', ...options }: LateStart,
): Promise<LateLoop> {
  const forward = new FastForward(context, model.loopModel(context), { ...options, until: position - warmUpSteps })
  const loop = new DecodeLoop(forward, forward.model, { compaction, cellBytes: { full: 1 } })
  const tokens = randomPrompt(forward.model.vocab, promptTokens)
  const submit = (id: number) => {
    const maxTokens = position + steps + 8 - promptTokens
    loop.submit(id, { prompt: { tokens }, maxTokens, sampling: { temperature: 0 }, ...request })
  }
  let begun = 0
  for (let step = 0; !forward.due; step++) {
    while (begun < context.sequences && begun * stagger <= step) submit(++begun)
    await bench.timeSteps(loop, 1, 0, 0)
  }
  await forward.fill(() => bench.breathe(0))
  await bench.timeSteps(loop, warmUpSteps, 0, 0)
  return { loop, forward, [Symbol.dispose]: () => loop.dispose() }
}

/** Milliseconds per step. */
export async function timeLate(
  bench: Bench,
  context: LlamaContext,
  model: LoadedModel,
  start: LateStart,
): Promise<number> {
  using late = await startLate(bench, context, model, start)
  return (await bench.timeSteps(late.loop, start.steps)) / start.steps
}

/**
 * The full cache from a position on. What was generated before counts as prompt: it is the same to a policy that keeps
 * everything, and one step suffices to get there.
 */
export function lateFull(sequences: number, position: number, steps: number): LateStart {
  // The sequences begin one step apart.
  const promptTokens = position - warmUpSteps - sequences
  return { request: { policy: 'full' }, promptTokens, position, steps }
}

/**
 * DynTS in the cycle in which `position` lies: the first measured step is an eviction of the sequence that is ahead.
 * Evictions are due at the positions B - 1 + i * K.
 */
export function lateDynts({ promptTokens, cache, plan }: Sizes, position: number, steps: number): LateStart {
  const cycles = Math.floor((position - (cache.budget - 1)) / plan.leaving)
  const eviction = cache.budget - 1 + cycles * plan.leaving
  const request = { policy: 'dynts', ...cache }
  // What the eviction waits for are the hidden states since the one before.
  return { request, promptTokens, position: eviction, steps, scoredFrom: eviction - plan.leaving }
}
