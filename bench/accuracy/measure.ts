/**
 * Lets the model answer problems under one policy, several at a time. Knows nothing of files or tables.
 */
import { boxedAnswer } from '../../src/evaluation/boxed-answer.ts'
import type { Engine, GenerateRequest, GenerateResult } from '../../src/index.ts'
import { recordSchema, type AccuracyRecord, type Conditions } from './records.ts'

export interface Problem {
  readonly id: string
  readonly question: string
  readonly answer: string
  /** Place in the file: the item's seed follows from it. */
  readonly index: number
}

/** One answer to be had. */
export interface Job {
  readonly problem: Problem
  readonly conditions: Conditions
}

/**
 * Carries out all jobs and gives each record as soon as it is there. After `signal` no record comes any more: what was
 * under way is dropped.
 */
export async function measure(
  engine: Engine,
  jobs: readonly Job[],
  options: { signal: AbortSignal; onRecord: (record: AccuracyRecord) => void },
): Promise<void> {
  const { signal, onRecord } = options
  const waiting = [...jobs]
  const answerNext = async (): Promise<void> => {
    for (let job = waiting.shift(); job && !signal.aborted; job = waiting.shift()) {
      const result = await answer(engine, job, signal)
      if (result.finishReason !== 'cancelled') onRecord(recordOf(engine, job, result))
    }
  }
  // One more than fits waits in the engine, so that no place in its cache stays empty.
  await Promise.all(Array.from({ length: engine.sequences + 1 }, answerNext))
}

async function answer(engine: Engine, { problem, conditions }: Job, signal: AbortSignal): Promise<GenerateResult> {
  const { policy, budget, localWindow, ratio, maxTokens, sampling, seed } = conditions
  const request: GenerateRequest = {
    prompt: { messages: [{ role: 'user', content: problem.question }] },
    policy,
    budget: budget ?? undefined,
    localWindow: localWindow ?? undefined,
    ratio: ratio ?? undefined,
    maxTokens,
    sampling,
    seed: itemSeed(seed, problem),
  }
  return await engine.complete(request, { signal })
}

/** The same problem has the same seed under every policy. */
function itemSeed(seed: number, { index }: Problem): number {
  return (seed * 100_003 + index) % 2 ** 32
}

function recordOf(engine: Engine, { problem, conditions }: Job, result: GenerateResult): AccuracyRecord {
  const boxed = boxedAnswer(result.answer)
  const { usage, cache } = result
  return {
    schema: recordSchema,
    ...conditions,
    itemSeed: result.seed,
    expected: problem.answer,
    answer: boxed ?? null,
    correct: boxed === problem.answer,
    truncated: result.finishReason === 'length',
    promptTokens: usage.promptTokens,
    thinkingTokens: usage.thinkingTokens,
    answerTokens: usage.answerTokens,
    meanCells: cache.meanCells,
    peakCells: cache.peakCells,
    evictions: cache.evictions,
    evictedTokens: cache.evictedTokens,
    degraded: cache.degraded,
    text: result.text,
    versions: { node: process.versions.node, 'llama.cpp': engine.model.release },
    at: new Date().toISOString(),
  }
}
