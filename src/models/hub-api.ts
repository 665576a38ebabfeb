/** What a repository of the Hugging Face Hub holds, by its API. What the server says is checked and bounded. */
import { datasetInfo, listFiles, modelInfo, type RepoDesignation } from '@huggingface/hub'
import { PassingFailure } from '../back-off.ts'
import { EngineError, InputError } from '../errors.ts'
import {
  failureOf,
  isHub,
  isWebPage,
  notTheHub,
  reason,
  request,
  startsLikeWebPage,
  withRetries,
} from './hub-request.ts'
import type { HubAccess } from './hub-request.ts'
import type { HashKind } from './partial-file.ts'
import { datasetName, isSafeFileName } from './reference.ts'

/** A file of a repository, as the Hub describes it. */
export interface RemoteFile {
  readonly path: string
  readonly bytes: number
  /** Hash of the content, in hex; also the blob's name in the cache. */
  readonly hash: string
  readonly hashKind: HashKind
}

/** The Hub sends 1000 entries a page. */
const MOST_PAGES = 200
const MOST_FILES = 100_000
const MOST_ANSWER_BYTES = 32 * 2 ** 20

/**
 * The commit that a revision is at, and the repository's files there.
 * @param repo `user/name`, or `datasets/user/name`
 * @throws InputError `model_not_found`, `model_access`, `unsafe_file_name`; EngineError `network`, `hub_failed`
 */
export async function listRepository(
  access: HubAccess,
  repo: string,
  revision: string,
): Promise<{ commit: string; files: RemoteFile[] }> {
  const options = { hubUrl: access.endpoint, fetch: hubFetch(access, repo, revision) }
  try {
    const dataset = datasetName(repo)
    const info =
      dataset === undefined
        ? await modelInfo({ ...options, name: repo, revision, additionalFields: ['sha'] })
        : await datasetInfo({ ...options, name: dataset, revision, additionalFields: ['sha'] })
    const commit = /^[0-9a-f]{40}$/.test(info.sha) ? info.sha : undefined
    if (commit === undefined)
      throw new EngineError('hub_failed', `${access.endpoint} does not say the commit of ${repo}.`)
    const files: RemoteFile[] = []
    const listed = { ...options, repo: asDesignation(repo), revision: commit, recursive: true }
    let entries = 0
    for await (const entry of listFiles(listed)) {
      if (++entries > MOST_FILES) throw endless(access, repo)
      if (entry.type === 'file') files.push(describe(repo, entry))
    }
    return { commit, files }
  } catch (error) {
    access.signal?.throwIfAborted()
    if (error instanceof InputError || error instanceof EngineError) throw error
    throw new EngineError(
      'hub_failed',
      `${access.endpoint} gave an answer for ${repo} that cannot be understood. Check HF_ENDPOINT, and whether a proxy or a login page answers in its place.`,
      { cause: error },
    )
  }
}

function asDesignation(repo: string): RepoDesignation {
  const dataset = datasetName(repo)
  return dataset === undefined ? { type: 'model', name: repo } : { type: 'dataset', name: dataset }
}

function describe(
  repo: string,
  { path, size, oid, lfs }: { path: string; size: number; oid?: string; lfs?: { oid: string; size: number } },
): RemoteFile {
  const hash = lfs?.oid ?? oid ?? ''
  const bytes = lfs?.size ?? size
  if (!isSafeFileName(path)) throw unsafeName(repo, path)
  if (!/^[0-9a-f]{40}([0-9a-f]{24})?$/.test(hash)) throw unsafeName(repo, hash)
  if (!Number.isSafeInteger(bytes) || bytes < 0) throw new TypeError(`${path} has ${bytes} bytes`)
  return { path, bytes, hash, hashKind: lfs === undefined ? 'git-sha1' : 'sha256' }
}

function unsafeName(repo: string, name: string): InputError {
  return new InputError('unsafe_file_name', `${repo} has a file with the unsafe name ${JSON.stringify(name)}.`)
}

function endless({ endpoint }: HubAccess, repo: string): EngineError {
  return new EngineError(
    'hub_failed',
    `${endpoint} lists more files of ${repo} than a repository has. Check HF_ENDPOINT.`,
  )
}

/** `fetch` for the API of one repository: only on the Hub's own host, with retries, and with errors that say what to do. */
function hubFetch(access: HubAccess, repo: string, revision: string): typeof fetch {
  let requests = 0
  return async (input, init) => {
    const address = input instanceof Request ? input.url : input
    if (!isHub(access, address)) {
      const { origin } = new URL(address)
      throw new EngineError(
        'hub_failed',
        `${access.endpoint} continues its list of ${repo} on ${origin}, which is not asked.`,
      )
    }
    if (++requests > MOST_PAGES) throw endless(access, repo)
    return withRetries(access, async () => {
      try {
        const response = await request(access, input, init)
        if (!response.ok) throw await failureOf(response, access, repo, revision)
        return await wholeAnswer(access, response, repo)
      } catch (error) {
        // Without a network or a server, waiting a few seconds does not help.
        const isHopeless = error instanceof PassingFailure && NO_NETWORK.test(error.message)
        throw isHopeless ? new PassingFailure(error.message, { cause: error, mostRetries: 0 }) : error
      }
    })
  }
}

const NO_NETWORK = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ENETUNREACH/

/** An answer of the API, read to its end. */
async function wholeAnswer(access: HubAccess, response: Response, repo: string): Promise<Response> {
  const { headers, status } = response
  const body: AsyncIterable<Uint8Array> | null = response.body
  if (isWebPage(response)) {
    await response.body?.cancel().catch(() => undefined)
    throw notTheHub(access, response, 'with a web page')
  }
  const chunks: Uint8Array[] = []
  let bytes = 0
  try {
    for await (const chunk of body ?? []) {
      bytes += chunk.length
      if (bytes > MOST_ANSWER_BYTES) break
      chunks.push(chunk)
    }
  } catch (error) {
    throw new PassingFailure(reason(error), { cause: error })
  }
  if (bytes > MOST_ANSWER_BYTES) throw endless(access, repo)
  const text = Buffer.concat(chunks).toString()
  if (startsLikeWebPage(text)) throw notTheHub(access, response, 'with a web page')
  return new Response(text, { status, headers })
}
