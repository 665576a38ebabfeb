/** Where files that are made for a model are written, and what is never overwritten. */
import { constants, existsSync } from 'node:fs'
import { access } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { InputError } from '../../errors.ts'
import { checkRegular } from '../../records/atomic-file.ts'
import { makeFolder } from '../../records/make-folder.ts'

/** Beside the model if that folder can be written, so that it is found by itself; else in a folder of the cache. */
export async function besideModel(modelPath: string, name: string, cacheFolder: string): Promise<string> {
  const beside = dirname(modelPath)
  try {
    await access(beside, constants.W_OK)
    return join(beside, name)
  } catch {
    makeFolder(cacheFolder)
    return join(cacheFolder, name)
  }
}

/** @throws InputError `no_output_folder`; `invalid_output` if it is no file and cannot become one */
export function checkOutputFolder(output: string): void {
  checkRegular(output)
  const folder = dirname(resolve(output))
  if (!existsSync(folder))
    throw new InputError('no_output_folder', `There is no folder ${folder}. Make it, or give another --output.`)
}

/**
 * @param read fails for a file of another kind
 * @throws InputError `no_output_folder`, `invalid_output`; `output_exists` for a file of another kind, or one that only `--force` may
 *   replace
 */
export async function checkMadeOutput(
  output: string,
  force: boolean,
  { what, read }: { readonly what: string; readonly read: (path: string) => Promise<unknown> },
): Promise<void> {
  checkOutputFolder(output)
  if (!existsSync(output)) return
  const isOne = await read(output).then(
    () => true,
    () => false,
  )
  if (!isOne) throw new InputError('output_exists', `${output} exists and is no ${what}. Give another --output.`)
  if (!force)
    throw new InputError(
      'output_exists',
      `There is a ${what} at ${output} already. Use --force to replace it, or give another --output.`,
    )
}
