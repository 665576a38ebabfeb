/** What a request that asks for log-probabilities takes of each step: passes over the logits of a large vocabulary. */
import { TokenOdds } from '../../src/engine/token-odds.ts'
import type { Bench } from '../bench.ts'
import { compare } from '../compare.ts'
import { Random } from '../random.ts'
import type { Scenario } from '../scenario.ts'

const vocabularySize = 152_064
const likeliest = 20
const rows = 8
const steps = 80
const mostMs = 3

export const odds: Scenario = {
  name: 'odds',
  summary: `log-probabilities of a token and of the ${likeliest} likeliest of 152,064 (target: ${mostMs} ms)`,
  parts: [{ title: 'no model', model: 'tiny', run }],
}

async function run(bench: Bench): Promise<void> {
  const random = new Random(bench.options.seed)
  const logits = Array.from({ length: rows }, () =>
    Float32Array.from({ length: vocabularySize }, () => random.uniform(3)),
  )
  Object.assign(bench.measurements.settings, { vocabularySize, likeliest, steps })
  // Once before it counts, for the compiler.
  msOfStep(logits)
  const measure = () => Promise.resolve(msOfStep(logits))
  await compare(bench, [{ name: 'log-probabilities', unit: 'ms/step', target: { atMost: mostMs }, measure }], [])
}

function msOfStep(logits: readonly Float32Array[]): number {
  const begun = performance.now()
  let sum = 0
  for (let step = 0; step < steps; step++) {
    const odds = new TokenOdds(logits[step % rows] ?? new Float32Array(), likeliest)
    sum += odds.logprobOf(step) + odds.likeliest().length
  }
  if (!Number.isFinite(sum)) throw new Error('a log-probability is no number')
  return (performance.now() - begun) / steps
}
