/**
 * The Hugging Face cache on disk, laid out as Python's huggingface_hub does, so that both find each other's files:
 *
 *     models--user--name/blobs/<hash>
 *     models--user--name/snapshots/<commit>/<file> -> ../../blobs/<hash>
 *     models--user--name/refs/<revision>            (holds a commit)
 *
 * A dataset's folder is datasets--user--name; its repository is written `datasets/user/name`. The cache and a repository's folder
 * may be links, e.g. to another disk; below that, links to folders are not followed.
 *
 * Source: huggingface_hub 2.4, file_download.py.
 */
import {
  copyFile,
  lstat,
  mkdir,
  readFile,
  readdir,
  readlink,
  realpath,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { basename, dirname, isAbsolute, join, relative, sep } from 'node:path'
import { InputError } from '../errors.ts'
import { findAmong, groupModels } from './choose-quant.ts'
import { datasetName, isRepository, isSafeFileName } from './reference.ts'
import type { HubReference } from './reference.ts'

/** A file of a snapshot. */
export interface CachedFile {
  /** Name within the repository, with slashes. */
  readonly path: string
  /** Where it is: the link in the snapshot. */
  readonly location: string
  /** The repository's blob that the link names; undefined: it leads elsewhere, or is the file itself. */
  readonly blob: string | undefined
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
  const commits = await snapshotsOf(folder)
  if (commits.includes(revision)) return revision
  const matches = commits.filter((name) => /^[0-9a-f]{7,40}$/.test(revision) && name.startsWith(revision))
  return matches.length === 1 ? matches[0] : undefined
}

/** What a reference would mean at each of the commits that the cache holds. */
export async function findAtAnyCommit(cache: string, reference: HubReference): Promise<CachedModel[]> {
  const refs = await commitsOfRefs(repoFolder(cache, reference.repo))
  const models: CachedModel[] = []
  for (const commit of await snapshotsOf(repoFolder(cache, reference.repo))) {
    const found = findAmong(reference, await snapshotFiles(cache, reference.repo, commit))
    if (found) models.push({ ...describe(reference.repo, commit, found), revisions: refs.get(commit) ?? [] })
  }
  return models
}

/** All models in the cache, by repository and file name. */
export async function listCachedModels(cache: string): Promise<CachedModel[]> {
  const models: CachedModel[] = []
  for (const folder of await names(cache)) {
    const repo = /^models--(.+?)--(.+)$/.exec(folder)
    if (repo?.[1] === undefined || repo[2] === undefined || !isRepository(`${repo[1]}/${repo[2]}`)) continue
    models.push(...(await listRepositoryModels(cache, `${repo[1]}/${repo[2]}`)))
  }
  return models
}

/**
 * The models in the cache of one repository.
 * @param group which files count: `groupFiles` for all
 */
export async function listRepositoryModels(
  cache: string,
  repo: string,
  group: typeof groupModels<CachedFile> = groupModels,
): Promise<CachedModel[]> {
  const folder = repoFolder(cache, repo)
  const refs = await commitsOfRefs(folder)
  const models: CachedModel[] = []
  for (const commit of await snapshotsOf(folder)) {
    const groups = group(await snapshotFiles(cache, repo, commit))
    models.push(...groups.map((found) => ({ ...describe(repo, commit, found), revisions: refs.get(commit) ?? [] })))
  }
  return models
}

/** The commits of a repository's snapshots. */
export async function snapshotsOf(folder: string): Promise<string[]> {
  const path = join(folder, 'snapshots')
  const entries = (await isFolder(path)) ? await readdir(path, { withFileTypes: true }) : []
  return entries
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort()
}

/** The branches and tags at each commit, as far as they can be read. */
async function commitsOfRefs(folder: string): Promise<Map<string, string[]>> {
  const refs = new Map<string, string[]>()
  for (const name of await filesBelow(join(folder, 'refs'))) {
    const commit = (await readFile(join(folder, 'refs', name), 'utf8').catch(() => '')).trim()
    refs.set(commit, [...(refs.get(commit) ?? []), name])
  }
  return refs
}

function describe(repo: string, commit: string, { quant, files }: { quant: string; files: readonly CachedFile[] }) {
  return { repo, commit, quant, files, bytes: files.reduce((sum, file) => sum + file.bytes, 0) }
}

/** Files of a snapshot whose content is there. */
export async function snapshotFiles(cache: string, repo: string, commit: string): Promise<CachedFile[]> {
  const folder = join(repoFolder(cache, repo), 'snapshots', commit)
  const files: CachedFile[] = []
  for (const path of await filesBelow(folder)) {
    const location = join(folder, path)
    const info = await stat(location).catch(() => undefined)
    if (info?.isFile() === true) files.push({ path, location, blob: await blobOf(repo, location), bytes: info.size })
  }
  return files

  async function blobOf(repo: string, location: string): Promise<string | undefined> {
    const blobs = join(repoFolder(cache, repo), 'blobs')
    const target = await readlink(location).catch(() => undefined)
    if (target === undefined || !(await isFolder(blobs))) return undefined
    // Not joined by `join`, for which `link/..` is nothing at all.
    const parent = isAbsolute(target) ? dirname(target) : `${dirname(location)}/${dirname(target)}`
    const isInside = (await realpath(parent)) === (await realpath(blobs))
    return isInside ? join(blobs, basename(target)) : undefined
  }
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
  await makeFolder(repoFolder(cache, file.repo), dirname(location))
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
  await makeFolder(repoFolder(cache, repo), dirname(path))
  if (await isLink(path)) await rm(path)
  await writeFile(path, commit)
}

/**
 * Makes a folder within a repository's folder.
 * @throws InputError `cache_link` where a link would lead out of it
 */
async function makeFolder(folder: string, path: string): Promise<void> {
  for (let at = path; at !== folder; at = dirname(at)) {
    if (!(await isLink(at))) continue
    throw new InputError(
      'cache_link',
      `${at} is a link, and the cache does not write through it. Remove the link first.`,
    )
  }
  await mkdir(path, { recursive: true })
}

const isLink = async (path: string): Promise<boolean> =>
  (await lstat(path).catch(() => undefined))?.isSymbolicLink() === true

/** Whether a folder is there; a link to one is none. */
export const isFolder = async (path: string): Promise<boolean> =>
  (await lstat(path).catch(() => undefined))?.isDirectory() === true

async function names(folder: string): Promise<string[]> {
  return (await readdir(folder).catch(() => [])).filter((name) => name !== '.DS_Store').sort()
}

/** Names of all files and links below a folder, with slashes. */
export async function filesBelow(folder: string): Promise<string[]> {
  const entries = (await isFolder(folder)) ? await readdir(folder, { withFileTypes: true, recursive: true }) : []
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .sort()
}
