/** A file of a dataset on the Hub: from the cache or downloaded. */
import { InputError } from '../errors.ts'
import { resolveHubFile, type ResolvedHubFile } from './hub-file.ts'
import type { ResolveOptions } from './resolve.ts'

export interface DatasetFile {
  /** `user/name` */
  readonly repo: string
  /** Branch, tag or commit. */
  readonly revision: string
  /** Name within the repository, with slashes. */
  readonly file: string
}

/**
 * Finds a dataset's file as `resolveHubFile` does.
 * @throws InputError `offline`, `file_not_found`, and all that a model's download throws
 */
export async function resolveDatasetFile(
  { repo, revision, file }: DatasetFile,
  options: ResolveOptions = {},
): Promise<ResolvedHubFile> {
  const from = { repo: `datasets/${repo}`, revision }
  const choose = (paths: readonly string[]): string => {
    if (paths.includes(file)) return file
    throw new InputError('file_not_found', `${from.repo}@${revision} has no file ${file}.`)
  }
  return resolveHubFile(from, { name: file, choose, otherwise: ', or give the file with `file`' }, options)
}
