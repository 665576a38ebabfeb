/**
 * The Hugging Face cache on disk, laid out as Python's huggingface_hub does, so that both find each other's files:
 *
 *     models--user--name/blobs/<hash>
 *     models--user--name/snapshots/<commit>/<file> -> ../../blobs/<hash>
 *     models--user--name/refs/<revision>            (holds a commit)
 *
 * A dataset's folder is datasets--user--name; its repository is written `datasets/user/name`.
 *
 * Knows nothing of the network. Source: huggingface_hub 2.4, file_download.py.
 */
import {
  copyFile,
  mkdir,
  readFile,
  readdir,
  realpath,
  rename,
  rm,
  rmdir,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import { InputError } from '../errors.ts'
import { findAmong, groupModels } from './choose-quant.ts'
import { datasetName, isSafeFileName } from './reference.ts'
import type { HubReference } from './reference.ts'

/** A file of a snapshot. */
export interface CachedFile {
  /** Name within the repository, with slashes. */
  readonly path: string
  /** Where it is: the link in the snapshot. */
  readonly location: string
  /** What the link leads to. */
  readonly blob: string
  readonly bytes: number
}

/** One model in the cache. */
export interface CachedModel {
  readonly repo: string
  readonly commit: string
  /** Branches and tags that point to the commit. */
  readonly revisions: readonly string[]
  readonly quant: string
  readonly files: readonly CachedFile[]
  readonly bytes: number
}

export function repoFolder(cache: string, repo: string): string {
  return join(cache, (datasetName(repo) === undefined ? `models/${repo}` : repo).replaceAll('/', '--'))
}

export function blobPath(cache: string, repo: string, hash: string): string {
  return join(repoFolder(cache, repo), 'blobs', hash)
}

/** The model that a reference means, if the cache holds it completely; asks no network. */
export async function findCachedModel(cache: string, reference: HubReference): Promise<CachedModel | undefined> {
  const commit = await cachedCommit(cache, reference.repo, reference.revision)
  if (commit === undefined) return undefined
  const files = await snapshotFiles(cache, reference.repo, commit)
  const found = findAmong(reference, files)
  return found && { ...describe(reference.repo, commit, found), revisions: [reference.revision] }
}

/** The commit of a revision, as the cache knows it: a branch or tag, a commit, or the beginning of one. */
export async function cachedCommit(cache: string, repo: string, revision: string): Promise<string | undefined> {
  const folder = repoFolder(cache, repo)
  const commit = await readFile(join(folder, 'refs', revision), 'utf8').catch(() => '')
  if (/^\w+$/.test(commit.trim())) return commit.trim()
  if (!/^[0-9a-f]{7,40}$/.test(revision)) return undefined
  const matches = (await names(join(folder, 'snapshots'))).filter((name) => name.startsWith(revision))
  return matches.length === 1 ? matches[0] : undefined
}

/** All models in the cache, by repository and file name. */
export async function listCachedModels(cache: string): Promise<CachedModel[]> {
  const models: CachedModel[] = []
  for (const folder of await names(cache)) {
    const repo = /^models--(.+?)--(.+)$/.exec(folder)
    if (repo?.[1] === undefined || repo[2] === undefined) continue
    models.push(...(await repoModels(cache, `${repo[1]}/${repo[2]}`)))
  }
  return models
}

async function repoModels(cache: string, repo: string): Promise<CachedModel[]> {
  const folder = repoFolder(cache, repo)
  const refs = new Map<string, string[]>()
  for (const name of await filesBelow(join(folder, 'refs'))) {
    const commit = (await readFile(join(folder, 'refs', name), 'utf8')).trim()
    refs.set(commit, [...(refs.get(commit) ?? []), name])
  }
  const models: CachedModel[] = []
  for (const commit of await names(join(folder, 'snapshots'))) {
    const groups = groupModels(await snapshotFiles(cache, repo, commit))
    models.push(...groups.map((group) => ({ ...describe(repo, commit, group), revisions: refs.get(commit) ?? [] })))
  }
  return models
}

function describe(repo: string, commit: string, { quant, files }: { quant: string; files: readonly CachedFile[] }) {
  return { repo, commit, quant, files, bytes: files.reduce((sum, file) => sum + file.bytes, 0) }
}

/** Files of a snapshot whose content is there. */
async function snapshotFiles(cache: string, repo: string, commit: string): Promise<CachedFile[]> {
  const folder = join(repoFolder(cache, repo), 'snapshots', commit)
  const files: CachedFile[] = []
  for (const path of await filesBelow(folder)) {
    const location = join(folder, path)
    const info = await stat(location).catch(() => undefined)
    if (info?.isFile() === true) files.push({ path, location, blob: await realpath(location), bytes: info.size })
  }
  return files
}

/** A file of a snapshot: where it is, if its content is there. */
export async function findSnapshotFile(
  cache: string,
  file: { readonly repo: string; readonly commit: string; readonly path: string },
): Promise<string | undefined> {
  const location = join(repoFolder(cache, file.repo), 'snapshots', file.commit, ...file.path.split('/'))
  const info = await stat(location).catch(() => undefined)
  return info?.isFile() === true ? location : undefined
}

/** Names a file in a snapshot after its blob was downloaded. Where links are impossible the blob is moved. */
export async function linkSnapshotFile(
  cache: string,
  file: { readonly repo: string; readonly commit: string; readonly path: string; readonly hash: string },
  makeLink: typeof symlink = symlink,
): Promise<string> {
  if (!isSafeFileName(file.path) || !isSafeFileName(file.hash) || !/^\w+$/.test(file.commit)) {
    throw new InputError('unsafe_file_name', `${file.repo} has a file with the unsafe name "${file.path}".`)
  }
  const blob = blobPath(cache, file.repo, file.hash)
  const location = join(repoFolder(cache, file.repo), 'snapshots', file.commit, ...file.path.split('/'))
  await mkdir(dirname(location), { recursive: true })
  await rm(location, { force: true })
  try {
    await makeLink(relative(dirname(location), blob), location)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return location
    await rename(blob, location).catch(() => copyFile(blob, location))
  }
  return location
}

/** Remembers which commit a branch or tag is at. */
export async function writeRevision(cache: string, repo: string, revision: string, commit: string): Promise<void> {
  if (revision === commit) return
  const path = join(repoFolder(cache, repo), 'refs', revision)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, commit)
}

/**
 * Removes a model from the snapshot it is in, and its blobs unless another snapshot needs them.
 * @returns bytes that became free
 */
export async function removeCachedModel(cache: string, model: CachedModel): Promise<number> {
  const folder = repoFolder(cache, model.repo)
  for (const file of model.files) await rm(file.location)
  const stillUsed = new Set<string>()
  for (const commit of await names(join(folder, 'snapshots'))) {
    for (const file of await snapshotFiles(cache, model.repo, commit)) stillUsed.add(file.blob)
  }
  let freed = 0
  for (const file of model.files) {
    if (stillUsed.has(file.blob)) continue
    await rm(file.blob, { force: true })
    freed += file.bytes
  }
  await removeEmptyFolders(join(folder, 'snapshots'))
  const commits = await names(join(folder, 'snapshots'))
  for (const name of await filesBelow(join(folder, 'refs'))) {
    const commit = await readFile(join(folder, 'refs', name), 'utf8')
    if (!commits.includes(commit.trim())) await rm(join(folder, 'refs', name))
  }
  if (commits.length === 0) await rm(folder, { recursive: true })
  return freed
}

/** Removes what broken downloads of a repository left. @returns bytes that became free */
export async function removePartialDownloads(cache: string, repo: string): Promise<number> {
  const blobs = join(repoFolder(cache, repo), 'blobs')
  let freed = 0
  for (const name of await names(blobs)) {
    if (!name.endsWith('.incomplete')) continue
    freed += (await stat(join(blobs, name))).size
    await rm(join(blobs, name))
  }
  return freed
}

async function removeEmptyFolders(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
    if (entry.isDirectory()) await removeEmptyFolders(join(folder, entry.name))
  }
  await rmdir(folder).catch(() => undefined)
}

async function names(folder: string): Promise<string[]> {
  return (await readdir(folder).catch(() => [])).filter((name) => name !== '.DS_Store').sort()
}

/** Names of all files and links below a folder, with slashes. */
async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true }).catch(() => [])
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .sort()
}
