/** Makes the folder of an output. */
import { mkdirSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { InputError } from '../errors.ts'
import { isSystemError, writing } from './file-failure.ts'

/**
 * Makes a folder, and those above it that are missing. Node's own (`recursive`) never returns under `/proc`, where an existing
 * folder says of a new one that it is not there.
 * @param option what names the output, for messages; default `--output`
 * @throws InputError `invalid_output`, `disk_full`
 */
export function makeFolder(path: string, option = '`output`'): void {
  try {
    writing(path, () => make(resolve(path)), option)
  } catch (error) {
    if (!(error instanceof InputError) || !isSystemError(error.cause) || error.cause.code !== 'ENOENT') throw error
    // What is above it is there.
    const above = dirname(error.cause.path ?? path)
    const advice = `Give another ${option}.`
    throw new InputError('invalid_output', `${path} cannot be written: no folder can be made in ${above}. ${advice}`)
  }
}

function make(folder: string): void {
  if (isFolder(folder)) return
  const above = dirname(folder)
  if (above !== folder) make(above)
  try {
    mkdirSync(folder)
  } catch (error) {
    // Another process was faster.
    if (!isFolder(folder)) throw error
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}
