/**
 * Files that are written whole or not at all, also when the power fails.
 */
import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, resolve } from 'node:path'
import { InputError } from '../errors.ts'
import { writing } from './file-failure.ts'
import type { WriteLock } from './file-lock.ts'
import { makeFolder } from './make-folder.ts'

export interface AtomicWriteOptions {
  /**
   * Under which the file is written: asked before anything of it is there to see. With it a partial file that a kill left is
   * overwritten by the next one.
   */
  readonly lock?: WriteLock | undefined
  /** What names the file, for messages; default `--output`. */
  readonly option?: string
}

/**
 * Replaces a file in one step: whoever reads it, and whoever comes after a kill or a power cut, finds the old one or the new one.
 * Its permissions stay; a link stays, and the file that it names is replaced. Makes the folder if there is none.
 * @param content or what writes it to the path that it is given, which is beside the file
 * @throws InputError `invalid_output`, `disk_full`; what `content` throws. No partial file is left then
 */
export function writeFileAtomic(
  path: string,
  content: string | Uint8Array | ((partial: string) => void),
  { lock, option }: AtomicWriteOptions = {},
): void {
  checkRegular(path)
  makeFolder(dirname(resolve(path)), option)
  const write = () => {
    const target = existsSync(path) ? realpathSync(path) : path
    const partial = `${target}${lock ? '' : `.${randomBytes(4).toString('hex')}`}.partial`
    try {
      lock?.check()
      if (typeof content === 'function') content(partial)
      else writeFileSync(partial, content)
      const mode = statSync(target, { throwIfNoEntry: false })?.mode
      if (mode !== undefined) chmodSync(partial, mode & 0o777)
      sync(partial, 'r+')
      lock?.check()
      renameSync(partial, target)
    } catch (error) {
      rmSync(partial, { force: true })
      throw error
    }
    syncFolder(dirname(resolve(target)))
  }
  writing(path, write, option)
}

/**
 * Refuses to write where no file is and none can be.
 * @throws InputError `invalid_output` for a folder, a device, a pipe
 */
export function checkRegular(path: string): void {
  const stats = writing(path, () => statSync(path, { throwIfNoEntry: false }))
  // What a shell has opened is not to be replaced behind its back, whatever it is.
  const isOpenFile = /^\/(dev\/(fd\/|std)|proc\/)/.test(resolve(path))
  if (stats?.isFile() !== false && !isOpenFile) return
  const what = stats?.isDirectory() === true ? 'a folder' : 'a device or a pipe'
  throw new InputError('invalid_output', `${path} is ${what}. Give the name of a file.`)
}

/** So that the new name outlives a power cut. Windows and some network disks have no such thing. */
function syncFolder(folder: string): void {
  try {
    sync(folder, 'r')
  } catch (error) {
    if (!['EINVAL', 'EPERM', 'EISDIR', 'EACCES', 'ENOTSUP'].includes((error as NodeJS.ErrnoException).code ?? ''))
      throw error
  }
}

function sync(path: string, flags: string): void {
  const file = openSync(path, flags)
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}
