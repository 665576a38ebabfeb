/**
 * The lines of a text file, one after another, however large the file is.
 */
import { isUtf8 } from 'node:buffer'
import { closeSync, readSync } from 'node:fs'
import { InputError } from '../errors.ts'
import { byteOrderMark, openInput, recordErrors, refuseUtf16 } from './input-file.ts'

export interface Line {
  /** Without a byte order mark. */
  readonly text: string
  /** From 1. */
  readonly number: number
  /** Byte at which it begins. */
  readonly start: number
  /** Byte after the line and its line feed. */
  readonly end: number
  /** Whether a line feed ends it. */
  readonly complete: boolean
  /** Else its text has replacement characters. */
  readonly isUtf8: boolean
}

const chunkBytes = 1 << 20
const lineFeed = 0x0a
/** More is no record, and more than 512 MiB could be no text. */
export const mostLineBytes = 2 ** 28

/**
 * @throws InputError `records_not_found` for a file that cannot be read, `invalid_records` for one that is no text of lines; or
 *   the codes that are given
 */
export function* readLines(path: string, codes = recordErrors): Generator<Line, void, undefined> {
  const file = openInput(path, codes)
  try {
    const chunk = Buffer.alloc(chunkBytes)
    let pending: Buffer[] = []
    let pendingBytes = 0
    let start = 0
    let number = 0
    const hold = (bytes: Buffer) => {
      pendingBytes += bytes.length
      if (pendingBytes > mostLineBytes) {
        const mebibytes = mostLineBytes / 2 ** 20
        throw new InputError(
          codes.invalid,
          `${path}, line ${number + 1}, is longer than ${mebibytes} MiB. One line is to hold one record: check that it is the right file.`,
        )
      }
      pending.push(Buffer.from(bytes))
    }
    const take = (complete: boolean): Line => {
      const bytes = Buffer.concat(pending)
      if (number === 0) refuseUtf16(bytes, path, codes)
      const text = bytes.toString('utf8')
      const line = {
        text: number === 0 ? text.replace(byteOrderMark, '') : text,
        number: ++number,
        start,
        end: start + pendingBytes + (complete ? 1 : 0),
        complete,
        isUtf8: isUtf8(bytes),
      }
      pending = []
      pendingBytes = 0
      start = line.end
      return line
    }
    for (let bytes = readSync(file, chunk); bytes > 0; bytes = readSync(file, chunk)) {
      let from = 0
      for (let at = chunk.indexOf(lineFeed); at >= 0 && at < bytes; at = chunk.indexOf(lineFeed, from)) {
        hold(chunk.subarray(from, at))
        from = at + 1
        yield take(true)
      }
      if (from < bytes) hold(chunk.subarray(from, bytes))
    }
    if (pendingBytes > 0) yield take(false)
  } finally {
    closeSync(file)
  }
}
