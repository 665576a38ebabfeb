/**
 * The lines of a text file, one after another, however large the file is.
 */
import { closeSync, openSync, readSync, statSync } from 'node:fs'
import { InputError } from '../errors.ts'

export interface Line {
  readonly text: string
  /** From 1. */
  readonly number: number
  /** Byte after the line and its line feed. */
  readonly end: number
  /** Whether a line feed ends it. */
  readonly complete: boolean
}

const chunkBytes = 1 << 20
const lineFeed = 0x0a

/** @throws InputError `records_not_found` for a file that cannot be read */
export function* readLines(path: string): Generator<Line, void, undefined> {
  const file = open(path)
  try {
    const chunk = Buffer.alloc(chunkBytes)
    let pending: Buffer[] = []
    let end = 0
    let number = 0
    const take = (complete: boolean): Line => {
      const text = Buffer.concat(pending).toString('utf8')
      pending = []
      return { text, number: ++number, end, complete }
    }
    for (let bytes = readSync(file, chunk); bytes > 0; bytes = readSync(file, chunk)) {
      let from = 0
      for (let at = chunk.indexOf(lineFeed); at >= 0 && at < bytes; at = chunk.indexOf(lineFeed, from)) {
        pending.push(Buffer.from(chunk.subarray(from, at)))
        end += at + 1 - from
        from = at + 1
        yield take(true)
      }
      if (from < bytes) {
        pending.push(Buffer.from(chunk.subarray(from, bytes)))
        end += bytes - from
      }
    }
    if (pending.length > 0) yield take(false)
  } finally {
    closeSync(file)
  }
}

function open(path: string): number {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) {
    throw new InputError('records_not_found', `${path} is a folder, not a file of records.`)
  }
  try {
    return openSync(path, 'r')
  } catch (cause) {
    throw new InputError('records_not_found', `${path} cannot be read: ${(cause as Error).message}.`, { cause })
  }
}
