/**
 * What an eviction's time goes to, as far as it can be told from outside: calls into llama.cpp and the importance predictor.
 * What is left is the policy's own scores and the choice of the cells.
 */
import type { CachedKeys } from '../src/eviction/policy.ts'

export const parts = ['predictor', 'reading keys', 'products of keys', 'removal', 'compaction'] as const
export type EvictionPart = (typeof parts)[number]

export class PartTimes {
  /** Milliseconds. */
  readonly spent = new Map<EvictionPart, number>()

  reset(): void {
    this.spent.clear()
  }

  time<T>(part: EvictionPart, act: () => T): T {
    const start = performance.now()
    try {
      return act()
    } finally {
      this.spent.set(part, (this.spent.get(part) ?? 0) + performance.now() - start)
    }
  }

  /** Keys are read layer by layer, while the policy works. */
  ofKeys(read: () => CachedKeys): CachedKeys {
    const keys = this.time('reading keys', read)
    return {
      ...keys,
      layers: () => this.#timed(keys.layers()[Symbol.iterator]()),
      products: (a, b) => this.time('products of keys', () => keys.products(a, b)),
    }
  }

  *#timed(layers: Iterator<Float32Array>): Generator<Float32Array> {
    for (;;) {
      const next = this.time('reading keys', () => layers.next())
      if (next.done === true) return
      yield next.value
    }
  }
}
