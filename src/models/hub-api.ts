/**
 * The Hugging Face Hub over HTTP: its errors in words, and what a repository holds. Writes nothing to disk.
 */
import { datasetInfo, listFiles, modelInfo, type RepoDesignation } from '@huggingface/hub'
import { setTimeout as sleep } from 'node:timers/promises'
import { EngineError, InputError } from '../errors.ts'
import type { HashKind } from './partial-file.ts'
import { datasetName, isSafeFileName } from './reference.ts'

/** How to reach the Hub. */
export interface HubAccess {
  /** Without a slash at its end. */
  readonly endpoint: string
  readonly token?: string | undefined
  readonly signal?: AbortSignal | undefined
  /** Milliseconds before the first retry; doubles with each. */
  readonly retryMs?: number | undefined
  /** Milliseconds without a byte after which a connection counts as broken. */
  readonly stallMs?: number | undefined
}

/** A file of a repository, as the Hub describes it. */
export interface RemoteFile {
  readonly path: string
  readonly bytes: number
  /** Hash of the content, in hex; also the blob's name in the cache. */
  readonly hash: string
  readonly hashKind: HashKind
}

export const ATTEMPTS = 5

/** A failure that may pass: a server's 5xx, a broken connection, a short body. */
export class TransientError extends Error {
  readonly waitMs: number
  constructor(message: string, waitMs = 0, options?: ErrorOptions) {
    super(message, options)
    this.waitMs = waitMs
  }
}

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
    for await (const entry of listFiles(listed)) {
      if (entry.type === 'file') files.push(describe(repo, entry))
    }
    return { commit, files }
  } catch (error) {
    access.signal?.throwIfAborted()
    if (error instanceof InputError || error instanceof EngineError) throw error
    throw new EngineError('hub_failed', `${access.endpoint} gave an answer for ${repo} that cannot be understood.`, {
      cause: error,
    })
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
  if (!isSafeFileName(path)) throw unsafeName(repo, path)
  if (!/^[0-9a-f]{40}([0-9a-f]{24})?$/.test(hash)) throw unsafeName(repo, hash)
  return { path, bytes: lfs?.size ?? size, hash, hashKind: lfs === undefined ? 'git-sha1' : 'sha256' }
}

function unsafeName(repo: string, name: string): InputError {
  return new InputError('unsafe_file_name', `${repo} has a file with the unsafe name ${JSON.stringify(name)}.`)
}

/** `fetch` with the user's token, retries for what may pass, and errors that say what to do. */
function hubFetch(access: HubAccess, repo: string, revision: string): typeof fetch {
  return async (input, init) => {
    for (let attempt = 1; ; attempt++) {
      try {
        const response = await request(access, input, init)
        if (response.ok) return response
        throw await failureOf(response, access, repo, revision)
      } catch (error) {
        if (!(error instanceof TransientError)) throw error
        if (attempt === ATTEMPTS || isHopeless(error)) throw networkError(access, error)
        await backOff(access, attempt, error)
      }
    }
  }
}

/**
 * One request with the user's token, which is not sent on to other hosts.
 * @throws TransientError if no answer came
 */
export async function request(access: HubAccess, input: string | URL | Request, init?: RequestInit): Promise<Response> {
  const headers = new Headers(init?.headers)
  headers.set('user-agent', `dynts; node/${process.versions.node}`)
  if (access.token !== undefined) headers.set('authorization', `Bearer ${access.token}`)
  const timeout = AbortSignal.timeout(access.stallMs ?? 60_000)
  const signals = [access.signal, init?.signal ?? timeout].filter((signal) => signal instanceof AbortSignal)
  try {
    return await fetch(input, { ...init, headers, signal: AbortSignal.any(signals) })
  } catch (error) {
    access.signal?.throwIfAborted()
    throw new TransientError(reason(error), 0, { cause: error })
  }
}

/** What a bad answer means. */
export async function failureOf(
  response: Response,
  { endpoint, token }: HubAccess,
  repo: string,
  revision: string,
): Promise<Error> {
  const { status, headers } = response
  await response.body?.cancel().catch(() => undefined)
  const code = headers.get('x-error-code')
  if (status === 408 || status === 429 || status >= 500) {
    const seconds = Number(headers.get('retry-after'))
    return new TransientError(`status ${status}`, seconds > 0 ? Math.min(seconds, 60) * 1000 : 0)
  }
  if (code === 'GatedRepo' || status === 403) {
    const login = token === undefined ? ', and set HF_TOKEN to your access token' : ' with the account of your token'
    return new InputError('model_access', `${repo} is gated: accept its licence at ${endpoint}/${repo}${login}.`)
  }
  if (status === 401) {
    const advice =
      token === undefined
        ? 'does not exist or is private. Check the name, or set HF_TOKEN to your access token'
        : 'cannot be read with your token. Check the name and the token in HF_TOKEN'
    return new InputError('model_access', `${repo} ${advice}.`)
  }
  if (status === 404) {
    if (code === 'RevisionNotFound') {
      return new InputError('model_not_found', `${repo} has no revision ${revision}. Check the part behind the @.`)
    }
    return new InputError('model_not_found', `${repo} is not on ${endpoint}. Check the name.`)
  }
  return new EngineError('hub_failed', `${endpoint} answered with status ${status} for ${repo}.`)
}

/** Waits before the next attempt: longer each time, with some chance in it, or as long as the server says. */
export async function backOff(access: HubAccess, attempt: number, error: TransientError): Promise<void> {
  const wait = (access.retryMs ?? 500) * 2 ** (attempt - 1) * (0.75 + Math.random() / 2)
  await sleep(Math.max(wait, error.waitMs), undefined, access.signal ? { signal: access.signal } : {})
}

export function networkError({ endpoint }: HubAccess, error: Error): EngineError {
  return new EngineError(
    'network',
    `${endpoint} cannot be reached (${error.message}). Check the connection and try again.`,
    {
      cause: error,
    },
  )
}

/** Without a network or a server, waiting a few seconds does not help. */
function isHopeless(error: TransientError): boolean {
  return /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ENETUNREACH/.test(error.message)
}

/** The innermost reason of a failed `fetch`. */
export function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error.cause instanceof Error) return reason(error.cause)
  const code = (error as NodeJS.ErrnoException).code
  return error.message === '' ? (code ?? error.name) : error.message
}
