/** Answers that a server gave under load, replayed alone by the library: nothing of others' may have got into them. */
import { Engine, loadModel } from '../../dist/index.js'
import type { TokenedAnswer } from './clients.ts'

export interface ReplayFigures {
  readonly replayed: number
  readonly comparedTokens: number
  /** Between the log-probabilities of a token then and now. */
  readonly largestDifference: number
  /** What must not be. */
  readonly wrong: readonly string[]
}

const tolerance = 1e-2

/**
 * Compares log-probabilities, under a bound up to the first eviction, and the numbers of evictions.
 * @param cells as the server had them
 */
export async function replay(answers: readonly TokenedAnswer[], cells: number): Promise<ReplayFigures> {
  const wrong: string[] = []
  let [comparedTokens, largestDifference] = [0, 0]
  const model = await loadModel('tiny', { gpu: 'off', threads: 1 })
  const engine = await Engine.create(model, { cells, kvType: 'f32' })
  for (const { promptTokens, tokens, odds, policy, budget, localWindow, evictions } of answers) {
    const generation = engine.generate({
      ...{ prompt: { tokens: promptTokens }, replay: tokens, promptReuse: 'none', policy },
      ...(policy === 'full' ? {} : { budget, localWindow }),
    })
    let firstEviction = Infinity
    for await (const event of generation) {
      if (event.type === 'eviction') firstEviction = Math.min(firstEviction, event.step)
    }
    const { logprobs = [], cache } = await generation.result
    if (cache.evictions !== evictions) wrong.push(`${policy}: ${evictions} evictions, alone ${cache.evictions}`)
    const last = Math.min(tokens.length, firstEviction)
    let next = 0
    for (let i = 0; i < last; i++) {
      const then = odds[next]
      // Tags have no log-probability there.
      if (!then || then.id !== tokens[i]) continue
      next++
      comparedTokens++
      const difference = Math.abs(then.logprob - (logprobs[i] ?? NaN))
      largestDifference = Math.max(largestDifference, difference)
      if (!(difference <= tolerance)) wrong.push(`${policy}: token ${i} differs by ${difference}`)
    }
    if (firstEviction === Infinity && next !== odds.length)
      wrong.push(`${policy}: ${next} of ${odds.length} tokens found`)
  }
  await engine.close()
  await model.close()
  return { replayed: answers.length, comparedTokens, largestDifference, wrong }
}
