import fc from 'fast-check'
import { expect, test } from 'vitest'
import { logprobOf } from '../llama/log-softmax.ts'
import { addBias, TokenOdds } from './token-odds.ts'

const logits = fc.float32Array({ minLength: 1, maxLength: 40, min: -50, max: 50, noNaN: true })

test('probabilities are softmax over all logits, and the likeliest are the first of all of them in order', () => {
  fc.assert(
    fc.property(logits, fc.integer({ min: 0, max: 25 }), (values, count) => {
      const odds = new TokenOdds(values, count)
      const all = Array.from(values, (_, token) => ({ token, logprob: logprobOf(values, token) }))
      for (const { token, logprob } of all) expect(odds.logprobOf(token)).toBeCloseTo(logprob, 9)
      const sorted = all.sort((a, b) => (values[b.token] ?? 0) - (values[a.token] ?? 0) || a.token - b.token)
      expect(odds.likeliest().map(({ token }) => token)).toEqual(sorted.slice(0, count).map(({ token }) => token))
    }),
  )
})

test('a bias is added, and one of -100 bans', () => {
  const values = Float32Array.of(1, 2, 3)
  addBias(
    values,
    new Map([
      [0, 5],
      [2, -100],
    ]),
  )
  expect([...values]).toEqual([6, 2, -Infinity])
})
