/**
 * The structure of one GGUF file: metadata and tensors, checked so that nothing in it points outside the file.
 *
 * Why not @huggingface/gguf alone: it reads zeros past the end of a local file, knows nothing of tensor sizes, and takes
 * 0.7 s for a header with 150,000 tokens, because it starts every array again at each 2 MB. The tests compare with it.
 */
import { open, stat } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { InputError } from '../errors.ts'
import { isSystemError, reasonOf } from '../records/file-failure.ts'
import { GgufCursor, MAX_HEADER, NeedMoreBytes, cutOff } from './gguf-cursor.ts'
import type { GgufArray, GgufScalar } from './gguf-cursor.ts'
import { TENSOR_TYPES, VALUE_TYPE } from './gguf-types.ts'

export interface GgufEntry {
  /** Number of the value's type in the file, see `VALUE_TYPE`. */
  readonly type: number
  readonly value: GgufScalar | GgufArray
}

export interface GgufTensor {
  readonly name: string
  /** Elements along each dimension, the contiguous one first (as GGUF stores it). */
  readonly shape: readonly number[]
  /** e.g. `F16`, `Q4_K`. */
  readonly type: string
  /** Bytes from the start of the file. */
  readonly offset: number
  readonly bytes: number
}

export interface GgufFile {
  readonly path: string
  readonly fileBytes: number
  readonly version: number
  readonly metadata: ReadonlyMap<string, GgufEntry>
  readonly tensors: readonly GgufTensor[]
}

const FIRST_READ = 2 ** 20
// llama.cpp compares every key, and every tensor name, with all before it; these bounds keep that fast.
const MAX_KEYS = 10_000
const MAX_TENSORS = 20_000
const MAX_NAME_BYTES = 63
const MAX_DIMENSIONS = 4

/**
 * Reads and checks the header of one file.
 * @throws InputError `model_not_found`, `not_a_file`, `not_gguf`, `unsupported_gguf`, `truncated_gguf`, `invalid_gguf`
 */
export async function readGguf(path: string): Promise<GgufFile> {
  const fileBytes = await sizeOf(path)
  const file = await open(path, 'r').catch((error: unknown) => {
    throw new InputError('model_unreadable', `${path} cannot be read: ${reasonOf(error)}.`, { cause: error })
  })
  try {
    for (let limit = FIRST_READ; ;) {
      const bytes = await readStart(file, Math.min(limit, fileBytes))
      try {
        return parse(path, bytes, fileBytes)
      } catch (error) {
        if (!(error instanceof NeedMoreBytes)) throw error
        // Only a file that shrank while it was read gives fewer bytes than its size.
        if (bytes.length < Math.min(limit, fileBytes)) throw cutOff(path, bytes.length, 'its header')
        limit = Math.min(MAX_HEADER, Math.max(error.bytes, limit * 8))
      }
    }
  } finally {
    await file.close()
  }
}

async function sizeOf(path: string): Promise<number> {
  const info = await stat(path).catch((error: unknown) => {
    const why = isMissing(error) ? `There is no model file ${path}` : `${path} cannot be read: ${reasonOf(error)}`
    throw new InputError('model_not_found', `${why}. Check the path.`, { cause: error })
  })
  if (info.isDirectory()) {
    throw new InputError('not_a_file', `${path} is a folder. Give the GGUF file inside it.`)
  }
  if (!info.isFile()) throw new InputError('not_a_file', `${path} is not a regular file. Give a GGUF file.`)
  if (info.size === 0) throw new InputError('not_gguf', `${path} is empty. Download it again.`)
  return info.size
}

function isMissing(error: unknown): boolean {
  return isSystemError(error) && (error.code === 'ENOENT' || error.code === 'ENOTDIR')
}

async function readStart(file: FileHandle, count: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(count)
  let filled = 0
  while (filled < count) {
    const { bytesRead } = await file.read(bytes, filled, count - filled, filled)
    if (bytesRead === 0) break
    filled += bytesRead
  }
  return bytes.subarray(0, filled)
}

function parse(path: string, bytes: Buffer, fileBytes: number): GgufFile {
  if (!'GGUF'.startsWith(bytes.toString('latin1', 0, 4))) {
    throw new InputError('not_gguf', `${path} is not a GGUF file (it does not start with "GGUF"). ${guess(bytes)}`)
  }
  const cursor = new GgufCursor(path, bytes, fileBytes)
  cursor.take(4, 'the magic')
  const version = cursor.uint32('the version')
  if (version !== 2 && version !== 3) throw unsupportedVersion(path, version)

  const tensorCount = cursor.size('the number of tensors')
  if (tensorCount > MAX_TENSORS) cursor.fail(`it claims ${tensorCount} tensors`)
  const keyCount = cursor.size('the number of keys')
  if (keyCount > MAX_KEYS) cursor.fail(`it claims ${keyCount} keys`)

  const metadata = new Map<string, GgufEntry>()
  for (let i = 0; i < keyCount; i++) {
    const key = cursor.string(`key ${i}`)
    if (key === '') cursor.fail(`key ${i} has no name`)
    if (metadata.has(key)) cursor.fail(`the key ${show(key)} is there twice`)
    const type = cursor.uint32(`the type of ${show(key)}`)
    const value = type === VALUE_TYPE.ARRAY ? cursor.array(show(key)) : cursor.scalar(type, show(key))
    metadata.set(key, { type, value })
  }
  const tensors = readTensors(path, cursor, tensorCount, alignmentOf(cursor, metadata), fileBytes)
  return { path, fileBytes, version, metadata, tensors }
}

function alignmentOf(cursor: GgufCursor, metadata: ReadonlyMap<string, GgufEntry>): number {
  const entry = metadata.get('general.alignment')
  if (entry === undefined) return 32
  const { value } = entry
  // llama.cpp maps weights straight from the file and aborts on an address that is no multiple of 32.
  const valid = entry.type === VALUE_TYPE.UINT32 && typeof value === 'number' && Number.isInteger(Math.log2(value))
  if (!valid || value < 32 || value > 2 ** 20) cursor.fail('general.alignment is not a power of two of at least 32')
  return value
}

function readTensors(
  path: string,
  cursor: GgufCursor,
  count: number,
  alignment: number,
  fileBytes: number,
): GgufTensor[] {
  const padded = (size: number) => Math.ceil(size / alignment) * alignment
  const tensors: GgufTensor[] = []
  const names = new Set<string>()
  let dataBytes = 0
  for (let i = 0; i < count; i++) {
    const name = cursor.string(`the name of tensor ${i}`)
    if (Buffer.byteLength(name) > MAX_NAME_BYTES) cursor.fail(`the name of tensor ${i} is too long`)
    if (names.has(name)) cursor.fail(`the tensor ${show(name)} is there twice`)
    names.add(name)
    const tensor = readTensor(cursor, name)
    if (tensor.offset !== dataBytes) {
      cursor.fail(`the tensor ${show(name)} starts at ${tensor.offset} instead of ${dataBytes}`)
    }
    dataBytes += padded(tensor.bytes)
    if (!Number.isSafeInteger(dataBytes)) cursor.fail(`the tensor ${show(name)} is larger than any file`)
    tensors.push(tensor)
  }
  const dataStart = padded(cursor.offset)
  const placed = tensors.map((tensor) => ({ ...tensor, offset: dataStart + tensor.offset }))
  const last = placed.at(-1)
  const end = last === undefined ? 0 : last.offset + last.bytes
  if (end > fileBytes) throw cutOff(path, fileBytes, 'its weights', end)
  return placed
}

/** One entry of the tensor list; its offset still counts from the start of the data. */
function readTensor(cursor: GgufCursor, name: string): GgufTensor {
  const what = `the tensor ${show(name)}`
  const dimensions = cursor.uint32(what)
  if (dimensions === 0 || dimensions > MAX_DIMENSIONS) cursor.fail(`${what} has ${dimensions} dimensions`)
  const shape: number[] = []
  for (let i = 0; i < dimensions; i++) shape.push(cursor.size(`a dimension of ${what}`))
  const elements = shape.reduce((product, size) => product * size, 1)
  if (elements === 0 || !Number.isSafeInteger(elements)) cursor.fail(`${what} has the shape [${shape.join(', ')}]`)

  const typeNumber = cursor.uint32(what)
  const type = TENSOR_TYPES.get(typeNumber)
  if (type === undefined) {
    cursor.fail(`${what} has the type ${typeNumber}, which this version does not know`)
  }
  if ((shape[0] ?? 0) % type.blockElements !== 0) {
    cursor.fail(`${what} has rows of ${shape[0] ?? 0}, no multiple of ${type.name}'s ${type.blockElements}`)
  }
  const bytes = (elements / type.blockElements) * type.blockBytes
  return { name, shape, type: type.name, offset: cursor.size(`the offset of ${what}`), bytes }
}

function unsupportedVersion(path: string, version: number): InputError {
  const bigEndian = (version & 0xffff) === 0 && version !== 0
  const problem = bigEndian ? 'is a big-endian GGUF' : `is a GGUF of version ${version}`
  return new InputError(
    'unsupported_gguf',
    `${path} ${problem}; only little-endian versions 2 and 3 can be used. Convert or download it again.`,
  )
}

function guess(bytes: Buffer): string {
  const start = bytes.toString('utf8', 0, 200)
  if (start.startsWith('version https://git-lfs')) return 'It is a Git LFS pointer: fetch the real file.'
  if (/^\s*<(!doctype|html)/i.test(start)) return 'It is a web page: download the file itself.'
  return 'Give a model in GGUF format.'
}

/** A name from the file, fit to be printed. */
function show(name: string): string {
  return JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}...` : name)
}
