import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cpuMs } from '../../test/support/cpu-time.ts'
import { isLoop } from './is-loop.ts'

/** The definition, word for word, in quadratic time. */
function bruteForce(sequence: readonly number[], repeats: number, length: number): boolean {
  for (let period = 1; period <= sequence.length; period++) {
    let tail = Math.min(period, sequence.length)
    while (tail < sequence.length && sequence.at(-tail - 1) === sequence.at(-tail - 1 + period)) tail++
    if (tail >= length && tail >= period * repeats) return true
  }
  return false
}

describe('isLoop', () => {
  test('is its definition', () => {
    const sequences = fc.oneof(
      fc.array(fc.integer({ min: 0, max: 1 }), { maxLength: 200 }),
      fc
        .tuple(
          fc.array(fc.nat(3), { maxLength: 10 }),
          fc.array(fc.nat(3), { minLength: 1, maxLength: 40 }),
          fc.integer({ min: 1, max: 80 }),
          fc.nat(40),
        )
        .map(([head, period, length, cut]) => {
          const times = Math.ceil(length / period.length) + 1
          return [...head, ...Array.from({ length: times }, () => period).flat(), ...period.slice(0, cut)]
        }),
    )
    const found = { yes: 0, no: 0 }
    fc.assert(
      fc.property(sequences, (tokens) => {
        const expected = bruteForce(tokens, 3, 64)
        found[expected ? 'yes' : 'no']++
        expect(isLoop(tokens)).toBe(expected)
      }),
      { numRuns: 300 },
    )
    expect(Math.min(found.yes, found.no)).toBeGreaterThan(20)
  })

  const unitsOf = (text: string) => Array.from(text, (character) => character.charCodeAt(0))
  const sentence = 'Wait, let me check that again, because the sum of the digits must be divisible by nine. '
  test.each([
    ['a sentence three times', `So it is 12. ${sentence.repeat(3)}`],
    ['its last repetition cut off', `So it is 12. ${sentence.repeat(4)}Wait, let`],
    ['one character', `x = 0.${'3'.repeat(300)}`],
    ['a long paragraph three times', `${sentence}${'And then. '.repeat(5)}`.repeat(3)],
  ])('text, yes: %s', (_, text) => expect(isLoop(unitsOf(text))).toBe(true))

  test.each([
    ['nothing', ''],
    ['a sentence twice', `So it is 12. ${sentence.repeat(2)}`],
    ['a short repetition', `The answer is ${'3'.repeat(60)}`],
    [
      'a loop that the model got out of',
      `${sentence.repeat(9)}No. The answer is 18, since 9 + 9 is 18, and that is all.`,
    ],
    ['counting', Array.from({ length: 200 }, (_, i) => `Step ${i}: add one. `).join('')],
  ])('text, no: %s', (_, text) => expect(isLoop(unitsOf(text))).toBe(false))

  test('tokens', () => {
    const head = Array.from({ length: 500 }, (_, i) => (i * 7919) % 1009)
    const period = [5, 6, 7, 8, 9, 10, 11]
    const tail = Array.from({ length: 10 }, () => period).flat()
    expect(isLoop(head)).toBe(false)
    expect(isLoop([...head, ...tail])).toBe(true)
    expect(isLoop(Int32Array.from([...head, ...tail]))).toBe(true)
    expect(isLoop([...head, ...tail.slice(0, 56)])).toBe(false)
    expect(isLoop([...head, ...tail, 1])).toBe(false)
  })

  test('the embedded model’s right traces are none', () => {
    const path = new URL('../../test/fixtures/oracle/importance.json', import.meta.url)
    const { traces } = JSON.parse(readFileSync(path, 'utf8')) as { traces: { tokens: number[] }[] }
    expect(traces.length).toBeGreaterThan(10)
    expect(traces.filter(({ tokens }) => isLoop(tokens))).toEqual([])
  })

  test('a trace of 16,384 tokens takes no time', () => {
    const tokens = Array.from({ length: 16_384 }, (_, i) => (i % 4096 === 0 ? 1 : 0))
    const start = process.cpuUsage()
    isLoop(tokens)
    expect(cpuMs(start)).toBeLessThan(500)
  })
})
