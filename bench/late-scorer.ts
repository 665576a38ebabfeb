/**
 * The importance predictor at work from a position on: what came before has random scores, which costs nothing.
 */
import type { LoopModel } from '../src/engine/forward-pass.ts'
import type { PartTimes } from './part-times.ts'
import { Random } from './random.ts'

type Scorer = ReturnType<LoopModel['createScorer']>

export class LateScorer implements Scorer {
  readonly #scorer: Scorer
  readonly #from: number
  readonly #times: PartTimes
  readonly #madeUp = new Map<number, number>()
  readonly #random = new Random(3)

  /** @param from the first position that is really scored */
  constructor(scorer: Scorer, from: number, times: PartTimes) {
    this.#scorer = scorer
    this.#from = from
    this.#times = times
  }

  get scoringMs(): number {
    return this.#scorer.scoringMs
  }

  push(position: number, hiddenState: Float32Array): void {
    if (position >= this.#from) this.#scorer.push(position, hiddenState)
    else this.#madeUp.set(position, this.#random.uniform(1))
  }

  scores(positions: Int32Array): Float32Array {
    return this.#times.time('predictor', () => {
      const scored = this.#scorer.scores(positions.filter((position) => position >= this.#from))
      let next = 0
      return Float32Array.from(positions, (position) => this.#madeUp.get(position) ?? scored[next++] ?? NaN)
    })
  }
}
