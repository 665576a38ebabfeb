/**
 * From what the user wrote to files on the disk: a path stays a path, a model on the Hub comes from the cache or is
 * downloaded. Does not look into the files; that is `gguf-file.ts`.
 */
import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { EngineError, InputError } from '../errors.ts'
import { downloadModel } from './download.ts'
import type { DownloadOptions } from './download.ts'
import { findAtAnyCommit, findCachedModel, listRepositoryModels } from './hub-cache.ts'
import { hubCacheFolder, hubEndpoint, hubToken, isOffline } from './hub-settings.ts'
import type { Environment } from './hub-settings.ts'
import type { DownloadProgress } from './progress-meter.ts'
import { nameOf } from './model-name.ts'
import { parseReference } from './reference.ts'
import type { HubReference, ModelReference } from './reference.ts'

export interface ResolveOptions {
  /** Never use the network; also set by `HF_HUB_OFFLINE=1`. */
  readonly offline?: boolean | undefined
  /** Ask the Hub for a newer version even if the model is in the cache. */
  readonly refresh?: boolean | undefined
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined
  /** Default: `process.env`. */
  readonly env?: Environment | undefined
  /** For tests: a disk that is full, shorter waits. */
  readonly internals?: Pick<DownloadOptions, 'disk' | 'retryMs' | 'stallMs'> | undefined
}

export interface ResolvedModel {
  /** The file, or the first part of a split model: what llama.cpp is given. */
  readonly path: string
  /** All parts that are known, in order. */
  readonly paths: readonly string[]
  /** What to call it: `tiny`, a file's name, or `user/repo:QUANT`. */
  readonly name: string
  readonly source: 'embedded' | 'path' | 'cache' | 'download'
  readonly reference: ModelReference
  /** Of a model on the Hub. */
  readonly commit: string | undefined
  /** Why the Hub could not be asked for a newer version, so that the one in the cache stays. */
  readonly hubProblem?: string
}

/**
 * Finds a model's files, and downloads them if they are not in the cache.
 * @throws InputError `model_reference`, `model_not_found`, `offline` and all of `downloadModel`
 */
export async function resolveModel(
  reference: string | ModelReference,
  options: ResolveOptions = {},
): Promise<ResolvedModel> {
  const env = options.env ?? process.env
  const parsed = typeof reference === 'string' ? parseReference(reference, { env }) : reference
  if (parsed.kind === 'hub') return resolveHubModel(parsed, options, env)
  const { path } = parsed
  await stat(path).catch((error: unknown) => {
    throw new InputError('model_not_found', `There is no model file ${path}. Check the path.`, { cause: error })
  })
  if (parsed.kind === 'embedded') return local(parsed, path, parsed.name)
  return local(parsed, path, basename(path))
}

function local(reference: ModelReference, path: string, name: string): ResolvedModel {
  const source = reference.kind === 'embedded' ? 'embedded' : 'path'
  return { path, paths: [path], name, source, reference, commit: undefined }
}

async function resolveHubModel(
  reference: HubReference,
  options: ResolveOptions,
  env: Environment,
): Promise<ResolvedModel> {
  const cache = hubCacheFolder(env)
  const offline = options.offline === true || isOffline(env)
  const cached = await findCachedModel(cache, reference)
  const fromCache = cached && {
    ...found(
      reference,
      cached.quant,
      cached.commit,
      cached.files.map((file) => file.location),
    ),
    source: 'cache' as const,
  }
  if (fromCache !== undefined && (offline || options.refresh !== true)) return fromCache
  if (offline) {
    const others = await otherCommits(cache, reference)
    throw new InputError(
      'offline',
      `${hubName(reference, reference.quant)} is not in the cache ${cache}, and the network must not be used.${others} Run once without \`offline\` and HF_HUB_OFFLINE.`,
    )
  }
  const { signal, onProgress, internals } = options
  const access = { endpoint: hubEndpoint(env), token: await hubToken(env), cache, signal, onProgress, ...internals }
  try {
    const model = await downloadModel(reference, access)
    return { ...found(reference, model.quant, model.commit, model.paths), source: 'download' }
  } catch (error) {
    // Without a network the version in the cache is the best there is.
    if (!(error instanceof EngineError) || error.code !== 'network') throw error
    if (fromCache !== undefined) return { ...fromCache, hubProblem: error.message }
    const others = await otherCommits(cache, reference)
    throw others === '' ? error : new EngineError('network', `${error.message}${others}`, { cause: error })
  }
}

/** What the cache has of a model at other commits than the one that its revision is at: a sentence with their names. */
async function otherCommits(cache: string, reference: HubReference): Promise<string> {
  const models = await findAtAnyCommit(cache, reference)
  if (models.length === 0) return ''
  const all = await listRepositoryModels(cache, reference.repo)
  const names = models.map((model) => nameOf(model, all))
  return ` The cache has it at another revision: name ${names.join(' or ')}.`
}

function found(reference: HubReference, quant: string, commit: string, paths: readonly string[]) {
  return { path: paths[0] ?? '', paths, name: hubName(reference, quant), reference, commit }
}

function hubName({ repo, file }: HubReference, quant: string | undefined): string {
  if (file !== undefined) return `${repo}/${file}`
  return quant === undefined ? repo : `${repo}:${quant}`
}
