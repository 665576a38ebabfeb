/**
 * Random numbers that are the same on every machine for the same seed (xorshift128, Marsaglia 2003).
 */
export class Random {
  #x: number
  #y = 362_436_069
  #z = 521_288_629
  #w = 88_675_123

  constructor(seed: number) {
    this.#x = (seed ^ 123_456_789) >>> 0
    for (let i = 0; i < 16; i++) this.uint32()
  }

  uint32(): number {
    const t = this.#x ^ (this.#x << 11)
    this.#x = this.#y
    this.#y = this.#z
    this.#z = this.#w
    this.#w = (this.#w ^ (this.#w >>> 19) ^ (t ^ (t >>> 8))) >>> 0
    return this.#w
  }

  /** A whole number from 0 to `count` - 1. */
  below(count: number): number {
    return Math.floor((this.uint32() / 2 ** 32) * count)
  }

  /** Evenly distributed with mean 0 and the given standard deviation. */
  uniform(deviation: number): number {
    return (this.uint32() / 2 ** 31 - 1) * deviation * Math.sqrt(3)
  }

  fill(words: Uint32Array): void {
    for (let i = 0; i < words.length; i++) words[i] = this.uint32()
  }
}
