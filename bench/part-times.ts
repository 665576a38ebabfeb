/**
 * What an eviction's time goes to, as far as it can be told from outside: calls into llama.cpp and the importance predictor.
 * What is left is the policy's own scores and the choice of the cells.
 */
import type { CachedCells, CachedVectors } from '../src/eviction/policy.ts'

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

  /** Keys and values are read layer by layer, while the policy works. */
  ofCells(read: () => CachedCells): CachedCells {
    const { keys, values } = this.time('reading keys', read)
    const timed = (vectors: CachedVectors) => ({
      ...vectors,
      layers: (rows?: Int32Array) => this.#timed(vectors.layers(rows)[Symbol.iterator]()),
      channels: (rows?: Int32Array) => this.#timed(vectors.channels(rows)[Symbol.iterator]()),
    })
    return {
      keys: {
        ...timed(keys),
        products: (a, b, shape) => this.time('products of keys', () => keys.products(a, b, shape)),
        directions: (b, shape) => this.time('products of keys', () => keys.directions(b, shape)),
      },
      values: () => timed(values()),
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
