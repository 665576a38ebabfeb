/** Reads numbers, strings and arrays from the first bytes of a file, and refuses every length that the file cannot hold. */
import { InputError } from '../errors.ts'
import { formatBytes } from './memory-plan.ts'
import { VALUE_BYTES, VALUE_TYPE } from './gguf-types.ts'

/** A metadata value that is not an array. 64-bit integers beyond 2^53 stay bigint. */
export type GgufScalar = string | number | bigint | boolean

/** An array of the metadata, decoded only on demand: a vocabulary has hundreds of thousands of strings. */
export class GgufArray {
  /** Number of the element type, see `VALUE_TYPE`. */
  readonly elementType: number
  readonly length: number
  readonly #bytes: Buffer

  constructor(elementType: number, length: number, bytes: Buffer) {
    this.elementType = elementType
    this.length = length
    this.#bytes = bytes
  }

  /** The strings; with `latin1` one character per byte, which is fast and keeps different bytes different. */
  *strings(encoding: 'utf8' | 'latin1' = 'utf8'): Generator<string> {
    if (this.elementType !== VALUE_TYPE.STRING) return
    for (let i = 0, offset = 0; i < this.length; i++) {
      const end = offset + 8 + this.#bytes.readUInt32LE(offset)
      yield this.#bytes.toString(encoding, offset + 8, end)
      offset = end
    }
  }

  /** The numbers (booleans as 0 and 1); empty for an array of strings. */
  *numbers(): Generator<number> {
    const size = VALUE_BYTES[this.elementType]
    if (size === undefined) return
    for (let i = 0; i < this.length; i++) yield Number(readScalar(this.#bytes, i * size, this.elementType))
  }
}

/** More bytes of the file are needed to go on; not an error of the file. */
export class NeedMoreBytes extends Error {
  readonly bytes: number
  constructor(bytes: number) {
    super(`the header needs ${bytes} bytes`)
    this.bytes = bytes
  }
}

/** The largest headers in the wild are about 30 MB. */
export const MAX_HEADER = 256 * 2 ** 20

/** The file ends before what it says that it holds. @param of bytes that it should have; undefined: what is there does not tell */
export function cutOff(path: string, fileBytes: number, where: string, of?: number): InputError {
  const missing =
    of === undefined ? '' : ` of ${formatBytes(of)}, and ${formatBytes(of - fileBytes)} of them are missing`
  return new InputError(
    'truncated_gguf',
    `${path} is cut off within ${where}: it has ${formatBytes(fileBytes)}${missing}. Download it again.`,
  )
}

/** Walks over the first bytes of a GGUF file. */
export class GgufCursor {
  offset = 0
  readonly #bytes: Buffer
  readonly #fileBytes: number
  readonly #path: string

  /** @param fileBytes size of the whole file; `bytes` may hold only its beginning */
  constructor(path: string, bytes: Buffer, fileBytes: number) {
    this.#path = path
    this.#bytes = bytes
    this.#fileBytes = fileBytes
  }

  /** Fails with `invalid_gguf`. */
  fail(problem: string): never {
    throw new InputError('invalid_gguf', `${this.#path} is damaged: ${problem}. Download or convert it again.`)
  }

  /** Moves past `count` bytes and returns where they began. */
  take(count: number, what: string): number {
    const start = this.offset
    const end = start + count
    this.#expect(end, what)
    if (end > this.#bytes.length) throw new NeedMoreBytes(end)
    this.offset = end
    return start
  }

  /** Fails if what ends there cannot be in a header, or is not in the file any more. */
  #expect(end: number, what: string): void {
    if (end > MAX_HEADER) this.fail(`${what} claims to end at byte ${end}, and no header is as long`)
    if (end > this.#fileBytes) throw cutOff(this.#path, this.#fileBytes, `its header, in ${what}`)
  }

  uint32(what: string): number {
    return this.#bytes.readUInt32LE(this.take(4, what))
  }

  /** A size or count; every number beyond 2^53 is a lie. */
  size(what: string): number {
    const at = this.take(8, what)
    const value = this.#bytes.readUInt32LE(at + 4) * 2 ** 32 + this.#bytes.readUInt32LE(at)
    if (!Number.isSafeInteger(value)) this.fail(`${what} is ${value.toExponential(1)}, which no file can hold`)
    return value
  }

  string(what: string): string {
    const length = this.size(`the length of ${what}`)
    const start = this.take(length, what)
    return this.#bytes.toString('utf8', start, start + length)
  }

  scalar(type: number, what: string): GgufScalar {
    if (type === VALUE_TYPE.STRING) return this.string(what)
    const size = VALUE_BYTES[type]
    if (size === undefined) this.fail(`${what} has the unknown type ${type}`)
    return readScalar(this.#bytes, this.take(size, what), type)
  }

  array(what: string): GgufArray {
    const elementType = this.uint32(`the type of ${what}`)
    const length = this.size(`the length of ${what}`)
    const start = this.offset
    const size = VALUE_BYTES[elementType]
    if (size !== undefined) {
      this.take(length * size, what)
    } else if (elementType === VALUE_TYPE.STRING) {
      this.#expect(start + length * 8, what)
      for (let i = 0; i < length; i++) this.take(this.size(what), what)
    } else {
      this.fail(`${what} is an array of the unsupported type ${elementType}`)
    }
    return new GgufArray(elementType, length, this.#bytes.subarray(start, this.offset))
  }
}

function readScalar(bytes: Buffer, at: number, type: number): GgufScalar {
  switch (type) {
    case VALUE_TYPE.UINT8:
      return bytes.readUInt8(at)
    case VALUE_TYPE.INT8:
      return bytes.readInt8(at)
    case VALUE_TYPE.UINT16:
      return bytes.readUInt16LE(at)
    case VALUE_TYPE.INT16:
      return bytes.readInt16LE(at)
    case VALUE_TYPE.UINT32:
      return bytes.readUInt32LE(at)
    case VALUE_TYPE.INT32:
      return bytes.readInt32LE(at)
    case VALUE_TYPE.FLOAT32:
      return bytes.readFloatLE(at)
    case VALUE_TYPE.BOOL:
      return bytes.readUInt8(at) !== 0
    case VALUE_TYPE.UINT64:
      return narrow(bytes.readBigUInt64LE(at))
    case VALUE_TYPE.INT64:
      return narrow(bytes.readBigInt64LE(at))
    default:
      return bytes.readDoubleLE(at)
  }
}

function narrow(value: bigint): number | bigint {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}
