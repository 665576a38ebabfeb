/** One file of a repository on the Hub: from the cache or downloaded. */
import { EngineError, InputError } from '../errors.ts'
import { downloadRepositoryFile, type RepositoryRevision } from './download.ts'
import { cachedCommit, snapshotFiles } from './hub-cache.ts'
import { hubCacheFolder, hubEndpoint, hubToken, isOffline } from './hub-settings.ts'
import type { ResolveOptions } from './resolve.ts'

export interface ResolvedHubFile {
  readonly path: string
  readonly commit: string
  readonly source: 'cache' | 'download'
}

export interface WantedFile {
  /** What to call it in a message. */
  readonly name: string
  /**
   * Chooses among the names of a repository's files, with slashes.
   * @throws InputError if none is it
   */
  readonly choose: (paths: readonly string[]) => string
  /** Whether a file of the cache is meant, whatever else the repository has. Default: any that was chosen. */
  readonly isCertain?: (path: string) => boolean
  /** What else can be done without a network, for a message. */
  readonly otherwise?: string
}

/**
 * Finds a file, and downloads it if it is not in the cache. A branch that is in the cache is not asked for anew unless
 * `refresh` says so; a commit never changes.
 * @param from a dataset's repository is `datasets/user/name`
 * @throws InputError `offline`, what `choose` throws, and all that a model's download throws
 */
export async function resolveHubFile(
  from: RepositoryRevision,
  { name, choose, isCertain = () => true, otherwise = '' }: WantedFile,
  options: ResolveOptions = {},
): Promise<ResolvedHubFile> {
  const env = options.env ?? process.env
  const cache = hubCacheFolder(env)
  const chosen = await findCached(cache, from, choose)
  const cached = chosen?.file
  const offline = options.offline === true || isOffline(env)
  const isEnough = options.refresh !== true && chosen !== undefined && isCertain(chosen.name)
  if (cached !== undefined && (offline || isEnough)) return cached
  if (offline) {
    throw new InputError(
      'offline',
      `${name} of ${from.repo} is not in the cache ${cache}, and the network must not be used. Run once without \`offline\` and HF_HUB_OFFLINE${otherwise}.`,
    )
  }
  const { signal, onProgress, internals } = options
  const access = { endpoint: hubEndpoint(env), token: await hubToken(env), cache, signal, onProgress, ...internals }
  try {
    return { ...(await downloadRepositoryFile(from, choose, access)), source: 'download' }
  } catch (error) {
    // Without a network the version in the cache is the best there is.
    if (cached !== undefined && error instanceof EngineError && error.code === 'network') return cached
    throw error
  }
}

async function findCached(
  cache: string,
  { repo, revision }: RepositoryRevision,
  choose: WantedFile['choose'],
): Promise<{ readonly name: string; readonly file: ResolvedHubFile } | undefined> {
  const commit = await cachedCommit(cache, repo, revision)
  if (commit === undefined) return undefined
  const files = await snapshotFiles(cache, repo, commit)
  try {
    const chosen = choose(files.map(({ path }) => path))
    const found = files.find(({ path }) => path === chosen)
    return found && { name: found.path, file: { path: found.location, commit, source: 'cache' } }
  } catch (error) {
    // The repository may have what the cache has not.
    if (error instanceof InputError) return undefined
    throw error
  }
}
