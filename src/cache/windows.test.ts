import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { candidates, CellKind } from './windows.ts'
import type { Protection } from './windows.ts'

const { prompt, thinking, answer } = CellKind
const dynts: Protection = { question: true, localWindow: true, answer: true }
const nothing: Protection = { question: false, localWindow: false, answer: false }

function split(kinds: number[], protection: Protection, localWindow: number, held = kinds.map((_, i) => i)) {
  const result = candidates(Int32Array.from(held), Uint8Array.from(kinds), protection, localWindow)
  return { candidates: [...result.candidates], fallback: [...result.fallback] }
}

describe('candidates', () => {
  const text = [prompt, prompt, thinking, thinking, thinking, thinking, answer, answer, answer]

  test('dynts: thinking outside the window, and answer cells outside it as a last resort', () => {
    expect(split(text, dynts, 2)).toEqual({ candidates: [2, 3, 4, 5], fallback: [6] })
    expect(split(text, dynts, 5)).toEqual({ candidates: [2, 3], fallback: [] })
  })

  test('without a local window only the newest cell is safe from it', () => {
    expect(split(text, { ...dynts, localWindow: false }, 5)).toEqual({ candidates: [2, 3, 4, 5], fallback: [6, 7] })
    expect(split(text, nothing, 5)).toEqual({ candidates: [0, 1, 2, 3, 4, 5, 6, 7], fallback: [] })
  })

  test('an unprotected question is a candidate', () => {
    expect(split(text, { ...dynts, question: false }, 3)).toEqual({ candidates: [0, 1, 2, 3, 4, 5], fallback: [] })
  })

  test('sinks are protected by position, whatever the cell is', () => {
    expect(split(text, { ...nothing, sinks: 3 }, 5)).toEqual({ candidates: [3, 4, 5, 6, 7], fallback: [] })
    expect(split(text, { ...nothing, sinks: 3 }, 5, [1, 5, 6, 7, 8, 9, 10, 11, 12]).candidates).toEqual([
      5, 6, 7, 8, 9, 10, 11,
    ])
    expect(split(text, { ...dynts, sinks: 8 }, 1)).toEqual({ candidates: [], fallback: [] })
  })

  test('the local window counts generated cells only', () => {
    expect(split([prompt, prompt, prompt, thinking], { ...dynts, question: false }, 3)).toEqual({
      candidates: [0, 1, 2],
      fallback: [],
    })
  })

  test('the newest cell stays even if it is a prompt cell, and no cells are no trouble', () => {
    expect(split([prompt, prompt], nothing, 1)).toEqual({ candidates: [0], fallback: [] })
    expect(split([], nothing, 1)).toEqual({ candidates: [], fallback: [] })
  })

  test('both lists are ascending, held, apart from each other, and never hold the newest cell', () => {
    const input = fc.record({
      counts: fc.tuple(fc.nat(20), fc.nat(40), fc.nat(40)),
      gaps: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 101, maxLength: 101 }),
      localWindow: fc.integer({ min: 1, max: 30 }),
      protection: fc.record({
        question: fc.boolean(),
        localWindow: fc.boolean(),
        answer: fc.boolean(),
        sinks: fc.nat(30),
      }),
    })
    fc.assert(
      fc.property(input, ({ counts, gaps, localWindow, protection }) => {
        const kinds = counts.flatMap((count, kind) => Array.from({ length: count }, () => kind))
        let position = -1
        const held = kinds.map((_, i) => (position += gaps[i]!))
        const result = split(kinds, protection, localWindow, held)
        const both = [...result.candidates, ...result.fallback]
        expect(new Set(both).size).toBe(both.length)
        for (const list of [result.candidates, result.fallback]) expect(list).toEqual(list.toSorted((a, b) => a - b))
        expect(held).toEqual(expect.arrayContaining(both))
        expect(both).not.toContain(held.at(-1))
        expect(Math.min(Infinity, ...both)).toBeGreaterThanOrEqual(protection.sinks)
        expect(result.fallback.every((leaver) => kinds[held.indexOf(leaver)] === answer)).toBe(true)
        if (!protection.answer) expect(result.fallback).toEqual([])
      }),
    )
  })
})
