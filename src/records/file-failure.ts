/**
 * What the file system refuses, in words: which file, why, and what to do.
 */
import { InputError } from '../errors.ts'

const reasons: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EFBIG: 'it would be larger than its disk allows',
  EACCES: 'permission is denied',
  EPERM: 'permission is denied',
  EROFS: 'its disk is read-only',
  ENOENT: 'there is no such file or folder',
  ENOTDIR: 'a part of its path is a file, not a folder',
  EEXIST: 'something else has its name',
  EISDIR: 'it is a folder',
  ELOOP: 'its links lead in a circle',
  ENAMETOOLONG: 'its name is too long',
  EIO: 'the disk reports an error',
  EBUSY: 'another program uses it',
  ETXTBSY: 'another program uses it',
  EMFILE: 'too many files are open',
  ENFILE: 'too many files are open',
  ENXIO: 'nothing reads or writes at its other end',
}
const full = new Set(['ENOSPC', 'EDQUOT'])

/** The machine's answer to a system call, as against a bug. */
export function isSystemError(error: unknown): error is NodeJS.ErrnoException & { readonly code: string } {
  return error instanceof Error && 'syscall' in error && 'code' in error && typeof error.code === 'string'
}

/** Why a system call failed, for a sentence that names the file. */
export function reasonOf(error: unknown): string {
  if (isSystemError(error)) return reasons[error.code] ?? error.message
  return error instanceof Error ? error.message : String(error)
}

/**
 * A file or folder that cannot be written, whoever is to blame.
 * @param error what the file system threw; anything else is returned as it is
 * @param path what was to be written
 * @param option what names it
 * @returns InputError `invalid_output`, or `disk_full`
 */
export function outputFailure(error: unknown, path: string, option = '`output`'): unknown {
  if (!isSystemError(error)) return error
  const isFull = full.has(error.code)
  const advice = isFull ? `Make room, or give another ${option}.` : `Give another ${option}.`
  return new InputError(
    isFull ? 'disk_full' : 'invalid_output',
    `${path} cannot be written: ${reasonOf(error)}. ${advice}`,
    { cause: error },
  )
}

/** Runs what writes `path`. @throws InputError `invalid_output`, `disk_full` */
export function writing<T>(path: string, write: () => T, option?: string): T {
  try {
    return write()
  } catch (error) {
    throw outputFailure(error, path, option)
  }
}

/** What a system call says of a file that it names, for whoever did not expect it; undefined for anything else. */
export function fileFailure(error: unknown): InputError | undefined {
  if (!isSystemError(error) || error.path === undefined || reasons[error.code] === undefined) return undefined
  return new InputError('file_failed', `${error.path} cannot be used: ${reasonOf(error)}.`, { cause: error })
}
