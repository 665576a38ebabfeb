/**
 * Downloads a model from the Hub into the cache: resumes, verifies, and leaves nothing wrong behind. Knows nothing of
 * terminals; progress goes to a callback.
 */
import { mkdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { EngineError, InputError } from '../errors.ts'
import { chooseModel } from './choose-quant.ts'
import { withFileLock } from '../records/file-lock.ts'
import {
  ATTEMPTS,
  TransientError,
  backOff,
  failureOf,
  listRepository,
  networkError,
  reason,
  request,
} from './hub-api.ts'
import type { HubAccess, RemoteFile } from './hub-api.ts'
import { blobPath, linkSnapshotFile, repoFolder, writeRevision } from './hub-cache.ts'
import { formatBytes } from './memory-plan.ts'
import { PartialFile, partialBytes, realDisk } from './partial-file.ts'
import type { Disk } from './partial-file.ts'
import type { HubReference } from './reference.ts'

export interface DownloadProgress {
  /** `waiting`: another process downloads the same file. */
  readonly state: 'downloading' | 'waiting' | 'complete'
  /** The repository's file. */
  readonly file: string
  /** Bytes of all the model's files that are on the disk. */
  readonly receivedBytes: number
  readonly totalBytes: number
  /** Of the last seconds. */
  readonly bytesPerSecond: number
}

export interface DownloadOptions extends HubAccess {
  /** The cache's folder. */
  readonly cache: string
  /** Called at most ten times a second. */
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined
  readonly disk?: Disk | undefined
}

export interface DownloadedModel {
  readonly commit: string
  readonly quant: string
  /** Where the files are, parts in order. */
  readonly paths: readonly string[]
}

/** Where files come from. */
export type RepositoryRevision = Pick<HubReference, 'repo' | 'revision'>

interface Download {
  readonly from: RepositoryRevision
  readonly commit: string
  readonly options: DownloadOptions
  readonly disk: Disk
  readonly progress: ProgressMeter
}

/**
 * Downloads what of a model is not in the cache yet.
 * @throws InputError `model_not_found`, `model_access`, `quant_not_found`, `disk_full`, `unsafe_file_name`; EngineError
 *   `network`, `hub_failed`, `download_corrupt`; the signal's reason when aborted: the part that came is kept
 */
export async function downloadModel(reference: HubReference, options: DownloadOptions): Promise<DownloadedModel> {
  const { commit, files: all } = await listRepository(options, reference.repo, reference.revision)
  const { quant, files } = chooseModel(reference, all)
  return { commit, quant, paths: await downloadFiles(reference, commit, files, options) }
}

/**
 * Downloads one file of a repository, of a model or a dataset.
 * @returns where it is, and the commit that the revision is at
 * @throws InputError `file_not_found`, and all that `downloadModel` throws
 */
export async function downloadRepositoryFile(
  from: RepositoryRevision,
  path: string,
  options: DownloadOptions,
): Promise<{ commit: string; path: string }> {
  const { commit, files } = await listRepository(options, from.repo, from.revision)
  const file = files.find((candidate) => candidate.path === path)
  if (!file) throw new InputError('file_not_found', `${from.repo}@${from.revision} has no file ${path}.`)
  const [location = ''] = await downloadFiles(from, commit, [file], options)
  return { commit, path: location }
}

async function downloadFiles(
  from: RepositoryRevision,
  commit: string,
  files: readonly RemoteFile[],
  options: DownloadOptions,
): Promise<string[]> {
  const { cache } = options
  const disk = options.disk ?? realDisk
  await checkFreeSpace(from.repo, files, cache, disk)
  const progress = new ProgressMeter(files, options.onProgress)
  const download: Download = { from, commit, options, disk, progress }
  const paths: string[] = []
  for (const file of files) {
    await downloadFile(download, file)
    paths.push(await linkSnapshotFile(cache, { repo: from.repo, commit, path: file.path, hash: file.hash }))
  }
  await writeRevision(cache, from.repo, from.revision, commit)
  return paths
}

async function checkFreeSpace(repo: string, files: readonly RemoteFile[], cache: string, disk: Disk): Promise<void> {
  let needed = 0
  for (const file of files) {
    const blob = blobPath(cache, repo, file.hash)
    if (!(await isComplete(blob, file))) needed += Math.max(0, file.bytes - (await partialBytes(blob)))
  }
  if (needed === 0) return
  await mkdir(cache, { recursive: true })
  const free = await disk.freeBytes(cache)
  if (free < needed) throw diskFull(cache, needed, free)
}

function diskFull(folder: string, needed: number, free?: number, cause?: unknown): InputError {
  const there = free === undefined ? '' : `, but only ${formatBytes(free)} are free`
  return new InputError(
    'disk_full',
    `The disk of ${folder} is too full: ${formatBytes(needed)} are needed${there}. Make room, or set HF_HOME to a folder on another disk; what was downloaded is kept.`,
    { cause },
  )
}

async function isComplete(blob: string, file: RemoteFile): Promise<boolean> {
  return (await stat(blob).catch(() => undefined))?.size === file.bytes
}

async function downloadFile(download: Download, file: RemoteFile): Promise<void> {
  const { from, options, progress } = download
  const blob = blobPath(options.cache, from.repo, file.hash)
  const lock = join(options.cache, '.locks', repoFolder('', from.repo), `${file.hash}.dynts.lock`)
  const waiting = () => progress.report('waiting', file, 0)
  if (!(await isComplete(blob, file))) {
    await withFileLock(lock, { signal: options.signal, onWait: waiting }, async () => {
      if (!(await isComplete(blob, file))) await fetchBlob(download, file, blob)
    })
  }
  progress.report('complete', file, file.bytes)
}

async function fetchBlob(download: Download, file: RemoteFile, blob: string): Promise<void> {
  const partial = await PartialFile.open(blob, file.bytes, file.hashKind, download.disk)
  try {
    for (let attempt = 1; partial.bytes < file.bytes;) {
      const before = partial.bytes
      try {
        await fetchRest(download, file, partial)
      } catch (error) {
        download.options.signal?.throwIfAborted()
        if (!(error instanceof TransientError)) throw error
        attempt = partial.bytes > before ? 1 : attempt + 1
        if (attempt > ATTEMPTS) throw networkError(download.options, error)
        await backOff(download.options, attempt, error)
      }
    }
  } catch (error) {
    await partial.close()
    throw error
  }
  if (!(await partial.finish(blob, file.hash))) throw corrupt(file)
}

/** Fetches from where the partial file ends to the end of the file, in one request. */
async function fetchRest(download: Download, file: RemoteFile, partial: PartialFile): Promise<void> {
  const { from, commit, options } = download
  const path = file.path.split('/').map(encodeURIComponent).join('/')
  const url = `${options.endpoint}/${from.repo}/resolve/${commit}/${path}`
  const stall = new AbortController()
  const stalled = setTimeout(() => stall.abort(new Error('no data for too long')), options.stallMs ?? 60_000)
  try {
    const headers = new Headers({ 'accept-encoding': 'identity' })
    if (partial.bytes > 0) headers.set('range', `bytes=${partial.bytes}-`)
    const response = await request(options, url, { headers, signal: stall.signal })
    if (response.status === 416) {
      await partial.restart()
      throw new TransientError('the server refused to resume')
    }
    if (!response.ok || response.body === null) {
      throw await failureOf(response, options, from.repo, from.revision)
    }
    await alignWith(response, partial, file)
    for await (const chunk of body(response.body)) {
      stalled.refresh()
      if (partial.bytes + chunk.length > file.bytes) {
        await partial.restart()
        throw corrupt(file)
      }
      await append(download, file, partial, chunk)
    }
    if (partial.bytes < file.bytes) throw new TransientError('the connection ended early')
  } finally {
    clearTimeout(stalled)
    stall.abort()
  }
}

/** Starts again if the server sends the whole file, and refuses a range that was not asked for. */
async function alignWith(response: Response, partial: PartialFile, file: RemoteFile): Promise<void> {
  if (response.status !== 206) {
    if (partial.bytes > 0) await partial.restart()
    return
  }
  const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers.get('content-range') ?? '')
  const fits = Number(range?.[1]) === partial.bytes && (range?.[2] === '*' || Number(range?.[2]) === file.bytes)
  if (fits) return
  await partial.restart()
  throw new TransientError('the server sent another part of the file')
}

async function* body(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of stream) yield chunk
  } catch (error) {
    throw new TransientError(reason(error), 0, { cause: error })
  }
}

async function append(download: Download, file: RemoteFile, partial: PartialFile, chunk: Uint8Array): Promise<void> {
  try {
    await partial.append(chunk)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ENOSPC' && code !== 'EDQUOT') throw error
    throw diskFull(download.options.cache, file.bytes - partial.bytes, undefined, error)
  }
  download.progress.report('downloading', file, partial.bytes)
}

function corrupt(file: RemoteFile): EngineError {
  return new EngineError(
    'download_corrupt',
    `${file.path} arrived damaged (its content does not match the Hub's checksum) and was deleted. Run the command again.`,
  )
}

/** Adds up the files of a model and measures the speed. */
class ProgressMeter {
  readonly #received = new Map<string, number>()
  readonly #totalBytes: number
  readonly #onProgress: ((progress: DownloadProgress) => void) | undefined
  #samples: { at: number; bytes: number }[] = []
  #reportedAt = -Infinity

  constructor(files: readonly RemoteFile[], onProgress: ((progress: DownloadProgress) => void) | undefined) {
    this.#totalBytes = files.reduce((sum, file) => sum + file.bytes, 0)
    this.#onProgress = onProgress
  }

  report(state: DownloadProgress['state'], file: RemoteFile, fileBytes: number): void {
    this.#received.set(file.path, fileBytes)
    const at = performance.now()
    if (state === 'downloading' && at - this.#reportedAt < 100) return
    this.#reportedAt = at
    const receivedBytes = [...this.#received.values()].reduce((sum, bytes) => sum + bytes, 0)
    this.#samples = [...this.#samples.filter((sample) => at - sample.at < 5000), { at, bytes: receivedBytes }]
    const first = this.#samples[0]
    const seconds = first === undefined ? 0 : (at - first.at) / 1000
    const bytesPerSecond = seconds > 0 ? Math.max(0, receivedBytes - (first?.bytes ?? 0)) / seconds : 0
    this.#onProgress?.({ state, file: file.path, receivedBytes, totalBytes: this.#totalBytes, bytesPerSecond })
  }
}
