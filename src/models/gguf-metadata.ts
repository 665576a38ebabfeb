/** Typed look-ups in a GGUF's metadata. */
import { InputError } from '../errors.ts'
import { GgufArray } from './gguf-cursor.ts'
import type { GgufFile } from './gguf-reader.ts'
import { VALUE_TYPE } from './gguf-types.ts'

/** Reads the metadata of one file; values of the wrong type are errors, missing ones are `undefined`. */
export class GgufMetadata {
  readonly file: GgufFile
  readonly architecture: string

  /** @throws InputError `invalid_gguf` if the file does not name its architecture */
  constructor(file: GgufFile) {
    this.file = file
    this.architecture = this.text('general.architecture') ?? ''
    if (this.architecture === '') this.fail('it does not say its architecture (general.architecture)')
  }

  /** Fails with `invalid_gguf`: the file contradicts itself or lacks what every model needs. */
  fail(problem: string): never {
    throw new InputError(
      'invalid_gguf',
      `${this.file.path} cannot be used: ${problem}. Download it again, or convert it anew.`,
    )
  }

  /** The full key: `attention.head_count` becomes `qwen2.attention.head_count`. */
  key(name: string): string {
    return `${this.architecture}.${name}`
  }

  /** A text to be shown: without what would steer a terminal. Undefined: there is none, or nothing is left of it. */
  name(key: string): string | undefined {
    const shown = this.text(key)
      ?.replace(/[\p{Cc}\u2028\u2029\u202A-\u202E\u2066-\u2069]/gu, '')
      .trim()
    return shown === '' ? undefined : shown
  }

  text(key: string): string | undefined {
    const value = this.file.metadata.get(key)?.value
    if (value === undefined) return undefined
    return typeof value === 'string' ? value : this.fail(`${key} is not a text`)
  }

  flag(key: string): boolean | undefined {
    const value = this.file.metadata.get(key)?.value
    if (value === undefined) return undefined
    return typeof value === 'boolean' ? value : this.fail(`${key} is not true or false`)
  }

  real(key: string): number | undefined {
    const value = this.file.metadata.get(key)?.value
    if (value === undefined) return undefined
    return typeof value === 'number' && Number.isFinite(value) ? value : this.fail(`${key} is not a finite number`)
  }

  /** An unsigned 32-bit integer, which is how llama.cpp reads all counts. */
  count(key: string): number | undefined {
    const entry = this.file.metadata.get(key)
    if (entry === undefined) return undefined
    const { value } = entry
    const valid = typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < 2 ** 32
    if (!valid || entry.type === VALUE_TYPE.FLOAT32 || entry.type === VALUE_TYPE.FLOAT64) {
      return this.fail(`${key} is not a whole number`)
    }
    return value
  }

  array(key: string): GgufArray | undefined {
    const value = this.file.metadata.get(key)?.value
    if (value === undefined) return undefined
    return value instanceof GgufArray ? value : this.fail(`${key} is not a list`)
  }

  /** One number for each layer; a single number in the file holds for all. */
  countByLayer(key: string, layers: number): number[] | undefined {
    const value = this.file.metadata.get(key)?.value
    if (!(value instanceof GgufArray)) {
      const same = this.count(key)
      return same === undefined ? undefined : new Array<number>(layers).fill(same)
    }
    if (value.length !== layers) this.fail(`${key} has ${value.length} values for ${layers} layers`)
    const counts = [...value.numbers()]
    const valid = counts.length === layers && counts.every((n) => Number.isInteger(n) && n >= 0 && n < 2 ** 32)
    return valid ? counts : this.fail(`${key} is not a list of whole numbers`)
  }
}
