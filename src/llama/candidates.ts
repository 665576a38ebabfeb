/** `llama_token_data_array`: tokens with their logits, as samplers in C narrow them down and choose among them. */
import koffi from 'koffi'

/** `llama_token_data`: int32 id, float logit, float p. */
const fieldsOfToken = 3

export class Candidates {
  readonly #ids: Int32Array
  readonly #logits: Float32Array
  /** The struct: data, size, selected (int64), sorted (bool, padded). */
  readonly #array = new BigInt64Array(new ArrayBuffer(32))
  readonly #address: bigint

  /** @param most how many tokens there may be */
  constructor(most: number) {
    const memory = new ArrayBuffer(Math.max(64, most * fieldsOfToken * 4))
    this.#ids = new Int32Array(memory)
    this.#logits = new Float32Array(memory)
    this.#address = koffi.address(this.#ids)
  }

  /** All tokens. @param logits shape [vocabulary size] */
  fill(logits: Float32Array): this {
    for (let token = 0, at = 0; token < logits.length; token++, at += fieldsOfToken) {
      this.#ids[at] = token
      this.#logits[at + 1] = logits[token] as number
      this.#logits[at + 2] = 0
    }
    return this.#reset(logits.length)
  }

  /** One token, for the question whether it is allowed. */
  only(token: number): this {
    this.#ids[0] = token
    this.#logits[1] = 1
    this.#logits[2] = 0
    return this.#reset(1)
  }

  #reset(size: number): this {
    this.#array.set([this.#address, BigInt(size), -1n, 0n])
    return this
  }

  /** The struct, for C. */
  get memory(): BigInt64Array {
    return this.#array
  }

  /** Whether a token is left that can be drawn. */
  get hasAny(): boolean {
    const end = Number(this.#array[1]) * fieldsOfToken
    for (let at = 1; at < end; at += fieldsOfToken) if ((this.#logits[at] as number) > -Infinity) return true
    return false
  }

  /** The token that a sampler has chosen. @throws Error if none has */
  get selected(): number {
    const [address, , selected = -1n] = this.#array
    const token = selected < 0n ? undefined : this.#ids[Number(selected) * fieldsOfToken]
    if (address !== this.#address || token === undefined) throw new Error('the samplers have chosen no token')
    return token
  }
}
