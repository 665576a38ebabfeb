import { describe, expect, test } from 'vitest'
import type { Engine } from '../engine/engine.ts'
import { Generation } from '../engine/generation.ts'
import type { GenerateEvent } from '../engine/types.ts'
import { heldShare, keptCells, keptSpans, spansOf } from './kept-cells.ts'

/** The paper's Figure 4: question A B, then C to K; C, D, F and H leave. */
const figure4 = {
  readAtLast: 11,
  kept: [
    [0, 2],
    [4, 5],
    [6, 7],
    [8, 11],
  ] as const,
}
const trace = { promptTokens: 2, tokens: 15 }

test('positions as spans', () => {
  expect(spansOf([])).toEqual([])
  expect(spansOf([0, 1, 4, 6, 8, 9, 10])).toEqual(figure4.kept)
  expect(spansOf([7])).toEqual([[7, 8]])
})

describe('parts', () => {
  test('the example of the paper', () => {
    expect(keptSpans(figure4, trace, 3)).toEqual([
      { part: 'question', from: 0, to: 2 },
      { part: 'selected', from: 4, to: 5 },
      { part: 'selected', from: 6, to: 7 },
      { part: 'local', from: 8, to: 11 },
      { part: 'later', from: 11, to: 15 },
    ])
  })

  test('the local window is counted in held cells, over the gaps', () => {
    const spans = keptSpans(figure4, trace, 4)
    expect(spans.filter(({ part }) => part === 'local')).toEqual([
      { part: 'local', from: 6, to: 7 },
      { part: 'local', from: 8, to: 11 },
    ])
  })

  test('without an eviction all is held', () => {
    expect(keptSpans({ readAtLast: null, kept: [[0, 15]] }, trace, null)).toEqual([
      { part: 'question', from: 0, to: 2 },
      { part: 'selected', from: 2, to: 15 },
    ])
  })

  test('a question that has left, and no more thinking than the local window', () => {
    expect(keptSpans({ readAtLast: 11, kept: [[8, 11]] }, trace, 5)).toEqual([
      { part: 'local', from: 8, to: 11 },
      { part: 'later', from: 11, to: 15 },
    ])
    const prompt = { promptTokens: 9, tokens: 12 }
    expect(keptSpans({ readAtLast: 11, kept: [[4, 11]] }, prompt, 5)).toEqual([
      { part: 'question', from: 4, to: 9 },
      { part: 'local', from: 9, to: 11 },
      { part: 'later', from: 11, to: 12 },
    ])
  })

  // Whatever the window is, no held cell is lost or twice.
  test.each([0, 1, 2, 3, 4, 5, 6, 99])('are all that is held, window %d', (window) => {
    const positions = keptSpans(figure4, trace, window).flatMap(({ from, to }) =>
      Array.from({ length: to - from }, (_, i) => from + i),
    )
    expect(positions).toEqual([0, 1, 4, 6, 8, 9, 10, 11, 12, 13, 14])
  })
})

test('shares of a part of the text', () => {
  const spans = keptSpans(figure4, trace, 3)
  expect(heldShare(spans, 0, 2)).toBe(1)
  // E, G, I, J, K of C to K.
  expect(heldShare(spans, 2, 11)).toBeCloseTo(5 / 9)
})

describe('a replay', () => {
  const eviction = (step: number, kept: number[]): GenerateEvent =>
    ({ type: 'eviction', step, kept: Int32Array.from(kept) }) as unknown as GenerateEvent
  const finish = (evictions: number): GenerateEvent =>
    ({
      type: 'finish',
      result: { tokens: Array.from({ length: 15 }), cache: { evictions } },
    }) as unknown as GenerateEvent
  const start = { type: 'start', promptTokens: 2 } as GenerateEvent
  const engineOf = (events: readonly GenerateEvent[]): Pick<Engine, 'generate'> => ({
    generate: () => {
      const generation = new Generation(() => undefined)
      for (const event of events) generation.push(event)
      return generation
    },
  })
  const options = { signal: new AbortController().signal }

  test('tells the last eviction', async () => {
    const events = [start, eviction(5, [0, 1, 6]), eviction(9, [0, 1, 4, 6, 8, 9, 10]), finish(2)]
    expect(await keptCells(engineOf(events), { prompt: { text: '' } }, options)).toEqual({ evictions: 2, ...figure4 })
  })

  test('without one holds all', async () => {
    expect(await keptCells(engineOf([start, finish(0)]), { prompt: { text: '' } }, options)).toEqual({
      ...{ evictions: 0, readAtLast: null },
      kept: [[0, 15]],
    })
  })

  test('of which an eviction was not told is no result', async () => {
    const replay = keptCells(engineOf([start, eviction(5, [0]), finish(2)]), { prompt: { text: '' } }, options)
    await expect(replay).rejects.toThrow('read too slowly')
  })
})
