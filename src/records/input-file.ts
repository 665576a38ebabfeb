/**
 * Files that are read: what is no file is refused, and a pipe, which can be read only once, is copied first.
 */
import { constants, isUtf8 } from 'node:buffer'
import {
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
  type Stats,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { InputError } from '../errors.ts'
import { reasonOf } from './file-failure.ts'

/** Of a pipe, which may have no end. */
const mostPipeBytes = 2 ** 30
const chunkBytes = 2 ** 20
export const byteOrderMark = '\uFEFF'

export interface InputErrorCodes {
  /** For what is not there or cannot be read. */
  readonly missing: string
  /** For what is there and cannot be right. */
  readonly invalid: string
}

export const recordErrors: InputErrorCodes = { missing: 'records_not_found', invalid: 'invalid_records' }

/** By their paths. */
const copies = new Map<string, string>()
let copyFolder: string | undefined

/**
 * A file to read instead of `path`, as often as wanted: itself, or of a pipe a copy, which is deleted when this process ends.
 * @throws InputError for what is neither, and for a pipe of more than 1 GiB
 */
export function readableFile(path: string, codes = recordErrors): string {
  const copy = copies.get(path)
  if (copy !== undefined) return copy
  const stats = statOf(path, codes)
  if (stats.isFile()) return path
  if (stats.isDirectory()) throw new InputError(codes.missing, `${path} is a folder. Name a file in it.`)
  if (!stats.isFIFO() && !stats.isSocket()) {
    throw new InputError(codes.missing, `${path} is a device. Name a file or a pipe.`)
  }
  return copyPipe(path, codes)
}

/**
 * The text of a whole file, without a byte order mark.
 * @throws InputError also for a file that is larger than a text can be (512 MiB), or not UTF-8
 */
export function readWholeText(path: string, codes = recordErrors): string {
  const file = readableFile(path, codes)
  const { size } = statOf(file, codes)
  if (size > constants.MAX_STRING_LENGTH) {
    const megabytes = Math.round(size / 2 ** 20)
    throw new InputError(
      codes.invalid,
      `${path} is too large to be read as a whole (${megabytes} MiB of at most 512). Divide it, or write it as JSON Lines.`,
    )
  }
  let bytes: Buffer
  try {
    bytes = readFileSync(file)
  } catch (cause) {
    throw unreadable(path, cause, codes)
  }
  refuseUtf16(bytes, path, codes)
  if (!isUtf8(bytes)) throw new InputError(codes.invalid, `${path} is not UTF-8. Save it as UTF-8.`)
  return bytes.toString('utf8').replace(byteOrderMark, '')
}

/** @param bytes the beginning of the file, at least */
export function refuseUtf16([first, second]: Buffer, path: string, { invalid }: InputErrorCodes): void {
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) {
    throw new InputError(invalid, `${path} is text in UTF-16. Save it as UTF-8.`)
  }
}

/** @returns a file descriptor, to be closed */
export function openInput(path: string, codes = recordErrors): number {
  const file = readableFile(path, codes)
  try {
    return openSync(file, 'r')
  } catch (cause) {
    throw unreadable(path, cause, codes)
  }
}

function statOf(path: string, codes: InputErrorCodes): Stats {
  try {
    return statSync(path)
  } catch (cause) {
    throw unreadable(path, cause, codes)
  }
}

function unreadable(path: string, cause: unknown, { missing }: InputErrorCodes): InputError {
  return new InputError(missing, `${path} cannot be read: ${reasonOf(cause)}.`, { cause })
}

function copyPipe(path: string, codes: InputErrorCodes): string {
  return withoutSignalHandlers(() => {
    // Before there is a folder: a pipe that nobody writes to may never open.
    const from = openPipe(path, codes)
    try {
      return copyOf(from, path, codes)
    } finally {
      closeSync(from)
    }
  })
}

/** A pipe is waited for without handling events: Ctrl-C and SIGTERM must end the process by themselves meanwhile. */
function withoutSignalHandlers<T>(wait: () => T): T {
  const held = (['SIGINT', 'SIGTERM'] as const).map((signal) => {
    const listeners = process.rawListeners(signal) as NodeJS.SignalsListener[]
    for (const listener of listeners) process.off(signal, listener)
    return { signal, listeners }
  })
  try {
    return wait()
  } finally {
    for (const { signal, listeners } of held) for (const listener of listeners) process.on(signal, listener)
  }
}

function copyOf(from: number, path: string, codes: InputErrorCodes): string {
  if (copyFolder === undefined) {
    const folder = mkdtempSync(join(tmpdir(), 'dynts-input-'))
    process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
    copyFolder = folder
  }
  const copy = join(copyFolder, String(copies.size))
  const to = openSync(copy, 'wx')
  try {
    const chunk = Buffer.alloc(chunkBytes)
    let total = 0
    for (let bytes = readSync(from, chunk); bytes > 0; bytes = readSync(from, chunk)) {
      total += bytes
      if (total > mostPipeBytes) throw new InputError(codes.invalid, `${path} does not end within 1 GiB. Give a file.`)
      writeFileSync(to, chunk.subarray(0, bytes))
    }
  } finally {
    closeSync(to)
  }
  copies.set(path, copy)
  return copy
}

function openPipe(path: string, codes: InputErrorCodes): number {
  try {
    return openSync(path, 'r')
  } catch (cause) {
    throw unreadable(path, cause, codes)
  }
}

/** The first bytes of a file as text. @throws what the file system throws */
export function beginningOf(path: string, mostBytes: number): string {
  const file = openSync(path, 'r')
  try {
    const bytes = Buffer.alloc(mostBytes)
    return bytes.toString('utf8', 0, readSync(file, bytes))
  } finally {
    closeSync(file)
  }
}
