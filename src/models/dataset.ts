/** A file of a dataset on the Hub: from the cache or downloaded. */
import { EngineError, InputError } from '../errors.ts'
import { downloadRepositoryFile } from './download.ts'
import { cachedCommit, findSnapshotFile } from './hub-cache.ts'
import { hubCacheFolder, hubEndpoint, hubToken, isOffline } from './hub-settings.ts'
import type { ResolveOptions } from './resolve.ts'

export interface DatasetFile {
  /** `user/name` */
  readonly repo: string
  /** Branch, tag or commit. */
  readonly revision: string
  /** Name within the repository, with slashes. */
  readonly file: string
}

export interface ResolvedDatasetFile {
  readonly path: string
  readonly commit: string
  readonly source: 'cache' | 'download'
}

/**
 * Finds a dataset's file, and downloads it if it is not in the cache. A branch that is in the cache is not asked for anew
 * unless `refresh` says so; a commit never changes.
 * @throws InputError `offline`, `file_not_found`, and all that a model's download throws
 */
export async function resolveDatasetFile(
  { repo, revision, file }: DatasetFile,
  options: ResolveOptions = {},
): Promise<ResolvedDatasetFile> {
  const env = options.env ?? process.env
  const cache = hubCacheFolder(env)
  const from = { repo: `datasets/${repo}`, revision }
  const cached = await findCached(cache, from.repo, revision, file)
  const offline = options.offline === true || isOffline(env)
  if (cached !== undefined && (offline || options.refresh !== true)) return cached
  if (offline) {
    throw new InputError(
      'offline',
      `${file} of ${from.repo} is not in the cache ${cache}, and the network must not be used. Run once without --offline and HF_HUB_OFFLINE, or give the file with --file.`,
    )
  }
  const { signal, onProgress, internals } = options
  const access = { endpoint: hubEndpoint(env), token: await hubToken(env), cache, signal, onProgress, ...internals }
  try {
    return { ...(await downloadRepositoryFile(from, file, access)), source: 'download' }
  } catch (error) {
    // Without a network the version in the cache is the best there is.
    if (cached !== undefined && error instanceof EngineError && error.code === 'network') return cached
    throw error
  }
}

async function findCached(
  cache: string,
  repo: string,
  revision: string,
  file: string,
): Promise<ResolvedDatasetFile | undefined> {
  const commit = await cachedCommit(cache, repo, revision)
  const path = commit === undefined ? undefined : await findSnapshotFile(cache, { repo, commit, path: file })
  return commit === undefined || path === undefined ? undefined : { path, commit, source: 'cache' }
}
