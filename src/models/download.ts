/** Downloads a model, or one file, from the Hub into the cache: only what is not there yet, each file by one process. */
import { mkdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { withFileLock } from '../records/file-lock.ts'
import { chooseModel } from './choose-quant.ts'
import { madeFileAmong, madeFileKinds } from './made-file-name.ts'
import { ProgressMeter } from './progress-meter.ts'
import type { DownloadProgress } from './progress-meter.ts'
import { diskFull, fetchBlob } from './fetch-blob.ts'
import { listRepository } from './hub-api.ts'
import type { RemoteFile } from './hub-api.ts'
import { blobPath, linkSnapshotFile, repoFolder, writeRevision } from './hub-cache.ts'
import type { HubAccess } from './hub-request.ts'
import { partialBytes, realDisk } from './partial-file.ts'
import type { Disk } from './partial-file.ts'
import type { HubReference } from './reference.ts'

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
 * Downloads what of a model, and of the predictor and the calibration beside it, is not in the cache yet.
 * @throws InputError `model_not_found`, `model_access`, `quant_not_found`, `disk_full`, `unsafe_file_name`; EngineError
 *   `network`, `hub_failed`, `download_corrupt`; the signal's reason when aborted: the part that came is kept
 */
export async function downloadModel(reference: HubReference, options: DownloadOptions): Promise<DownloadedModel> {
  const { commit, files: all } = await listRepository(options, reference.repo, reference.revision)
  const { quant, files } = chooseModel(reference, all)
  const made = madeFileKinds.flatMap((kind) => madeFileAmong(kind, files[0]?.path ?? '', all) ?? [])
  // First, as a model that is there is not asked for again.
  const paths = await downloadFiles(reference, commit, [...made, ...files], options)
  return { commit, quant, paths: paths.slice(made.length) }
}

/**
 * Downloads one file of a repository, of a model or a dataset.
 * @param choose among the names of all its files, with slashes
 * @returns where it is, and the commit that the revision is at
 * @throws what `choose` throws, and all that `downloadModel` throws
 */
export async function downloadRepositoryFile(
  from: RepositoryRevision,
  choose: (paths: readonly string[]) => string,
  options: DownloadOptions,
): Promise<{ commit: string; path: string }> {
  const { commit, files } = await listRepository(options, from.repo, from.revision)
  const chosen = choose(files.map(({ path }) => path))
  const file = files.filter(({ path }) => path === chosen)
  const [location = ''] = await downloadFiles(from, commit, file, options)
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

async function isComplete(blob: string, file: RemoteFile): Promise<boolean> {
  return (await stat(blob).catch(() => undefined))?.size === file.bytes
}

async function downloadFile(download: Download, file: RemoteFile): Promise<void> {
  const { from, options, progress } = download
  const blob = blobPath(options.cache, from.repo, file.hash)
  const lock = join(options.cache, '.locks', repoFolder('', from.repo), `${file.hash}.dynts.lock`)
  const waiting = () => progress.report('waiting', file, 0)
  if (!(await isComplete(blob, file))) {
    await withFileLock(lock, { signal: options.signal, onWait: waiting, option: 'HF_HOME' }, async (writeLock) => {
      if (await isComplete(blob, file)) return
      const onBytes = (bytes: number) => progress.report('downloading', file, bytes)
      await fetchBlob({ ...download, access: options, blob, file, lock: writeLock, onBytes })
    })
  }
  progress.report('complete', file, file.bytes)
}
