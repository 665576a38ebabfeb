/**
 * The selections of an independent implementation (PyTorch), eviction by eviction. Each event starts from the oracle's
 * own held cells, so one difference cannot hide the next.
 *
 * Near ties: the oracle's README lets a kept set differ in cells whose scores lie within 1e-4, relative to the event's
 * largest finite score, from the cut, for whoever computes scores anew. Here the recorded scores (rounded to 7 decimals)
 * go in as float32, and no event has a tie that this rounding turns, so the kept sets are compared exactly.
 */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { planEviction } from '../cache/budget.ts'
import { CellKind } from '../cache/windows.ts'
import type { Protection } from './policy.ts'
import { findPolicy, parsePolicyOptions, policyNames } from './registry.ts'
import { selectLeaving } from './select.ts'

const replaySchema = z.object({
  trace: z.string(),
  policy: z.string(),
  budget: z.number(),
  localWindow: z.number(),
  ratio: z.number(),
  leaving: z.number(),
  sinks: z.number(),
  peakCells: z.number(),
  degraded: z.boolean(),
  events: z.array(
    z.object({
      step: z.number(),
      before: z.number(),
      kept: z.array(z.number()),
      scores: z.array(z.tuple([z.number(), z.number().nullable()])).optional(),
    }),
  ),
})
const tracesSchema = z.object({
  traces: z.array(
    z.object({ id: z.string(), promptTokens: z.number(), thinkEnd: z.number(), tokens: z.array(z.number()) }),
  ),
})

type Replay = z.output<typeof replaySchema>
type Scores = NonNullable<Replay['events'][number]['scores']>

function read(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`../../test/fixtures/oracle/${name}`, import.meta.url), 'utf8'))
}

const replays = z.array(replaySchema).parse(read('replay.json'))
const traces = new Map(tracesSchema.parse(read('importance.json')).traces.map((trace) => [trace.id, trace]))

function protectionOf({ policy, sinks }: Replay): Protection {
  const definition = findPolicy(policy)
  return definition.protects(parsePolicyOptions(definition, policy === 'streaming-llm' ? { sinks } : {}))
}

/** Policies that the oracle does not have: `policies.test.ts` compares them with values computed by hand. */
const withoutOracle = ['dynts-diverse', 'keydiff', 'lagkv', 'dkv', 'tri', 'entropy', 'tova', 'knorm', 'random']

const vocabulary = { bos: -1, textOf: () => '' }

/** The scores of a policy for which position alone decides. */
function positionScores(policy: string, promptCells: number, candidates: Int32Array): Float32Array {
  return findPolicy(policy)
    .create({}, { promptCells, seed: 0, vocabulary })
    .score(candidates, { held: candidates, leaving: 1 })
}

/** The recorded scores, or, where position alone decides, those of the policy itself. */
function scorer({ policy }: Replay, promptCells: number, recorded: Scores | undefined) {
  return (candidates: Int32Array): Float32Array => {
    if (!recorded) return positionScores(policy, promptCells, candidates)
    return Float32Array.from(recorded, ([, score]) => score ?? -Infinity)
  }
}

function expectSameCellsKept(replay: Replay): void {
  const trace = traces.get(replay.trace)!
  const promptCells = trace.promptTokens
  const plan = planEviction(replay, promptCells)
  expect(plan.leaving).toBe(replay.leaving)
  let kept = Array.from({ length: promptCells }, (_, position) => position)
  let next = promptCells
  let degraded = false
  for (const event of replay.events) {
    const end = promptCells + event.step
    const held = [...kept, ...Array.from({ length: end - next }, (_, i) => next + i)]
    expect(held).toHaveLength(event.before)
    const kinds = held.map((p) =>
      p < promptCells ? CellKind.prompt : p < trace.thinkEnd ? CellKind.thinking : CellKind.answer,
    )
    const selection = selectLeaving({
      held: Int32Array.from(held),
      kinds: Uint8Array.from(kinds),
      plan,
      localWindow: replay.localWindow,
      protection: protectionOf(replay),
      score: scorer(replay, promptCells, event.scores),
    })
    if (event.scores) expect([...selection.candidates]).toEqual(event.scores.map(([position]) => position))
    expect(held.filter((p) => !selection.leaving.includes(p))).toEqual(event.kept)
    degraded ||= selection.degraded
    kept = event.kept
    next = end
  }
  expect(degraded).toBe(replay.degraded)
  // The text ends before the cells would reach the budget once more.
  expect(kept.length + trace.tokens.length - next).toBeLessThan(replay.budget)
}

describe('the oracle', () => {
  const evicting = replays.filter(({ policy }) => policy !== 'full')

  test('has every policy of the registry, but for those that are checked against values of their own', () => {
    const inOracle = new Set(replays.map(({ policy }) => policy))
    expect(policyNames().filter((name) => !inOracle.has(name))).toEqual(withoutOracle)
    expect(policyNames()).toEqual(expect.arrayContaining([...inOracle]))
  })

  test.each(evicting)('$trace $policy, B $budget: the same cells stay', (replay) => {
    expect(replay.events.length).toBeGreaterThan(0)
    expect(replay.peakCells).toBe(replay.budget)
    expectSameCellsKept(replay)
  })

  test.each(evicting.filter(({ policy }) => policy === 'question-window'))(
    "$trace $policy, B $budget: the scores are the policy's own",
    (replay) => {
      for (const { scores = [] } of replay.events) {
        const ours = positionScores(
          replay.policy,
          0,
          Int32Array.from(scores, ([position]) => position),
        )
        expect([...ours]).toEqual(scores.map(([, score]) => score))
      }
    },
  )

  test.each(replays.filter(({ policy }) => policy === 'full'))('$trace full: nothing is evicted', (replay) => {
    expect(replay.events).toEqual([])
    expect(replay.degraded).toBe(false)
    expect(replay.peakCells).toBe(traces.get(replay.trace)!.tokens.length)
  })
})
