/**
 * Removes models from the Hugging Face cache. What is deleted is the cache's own: links in the snapshots, and files in the
 * repository's `blobs`; never what a link leads to elsewhere.
 */
import { lstat, readFile, readdir, realpath, rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { filesBelow, isFolder, repoFolder, snapshotsOf } from './hub-cache.ts'
import type { CachedModel } from './hub-cache.ts'

/**
 * Removes a model from the snapshot it is in, and its blobs unless another file of a snapshot needs them.
 * @returns bytes that became free
 */
export async function removeCachedModel(cache: string, model: CachedModel): Promise<number> {
  const folder = repoFolder(cache, model.repo)
  let freed = 0
  for (const { location } of model.files) freed += await remove(location)
  const used = await filesInUse(folder)
  for (const { blob } of model.files) {
    if (blob !== undefined && !used.has(await realpath(blob).catch(() => blob))) freed += await remove(blob)
  }
  await removeEmptyFolders(join(folder, 'snapshots'))
  const commits = await snapshotsOf(folder)
  for (const name of await filesBelow(join(folder, 'refs'))) {
    const path = join(folder, 'refs', name)
    const commit = await readFile(path, 'utf8').catch(() => '')
    if (!commits.includes(commit.trim())) await rm(path, { force: true })
  }
  if (commits.length === 0) await removeRepository(folder)
  return freed
}

/** Removes what broken downloads of a repository left. @returns bytes that became free */
export async function removePartialDownloads(cache: string, repo: string): Promise<number> {
  const blobs = join(repoFolder(cache, repo), 'blobs')
  if (!(await isFolder(blobs))) return 0
  let freed = 0
  for (const entry of await readdir(blobs, { withFileTypes: true })) {
    if (entry.isFile() && entry.name.endsWith('.incomplete')) freed += await remove(join(blobs, entry.name))
  }
  return freed
}

/** Removes a file, or a link and not what it leads to. @returns bytes that became free */
async function remove(path: string): Promise<number> {
  const info = await lstat(path).catch(() => undefined)
  await rm(path, { force: true })
  return info?.isFile() === true ? info.size : 0
}

/** Where everything in a repository's snapshots leads. */
async function filesInUse(folder: string): Promise<Set<string>> {
  const used = new Set<string>()
  for (const commit of await snapshotsOf(folder)) {
    const snapshot = join(folder, 'snapshots', commit)
    for (const path of await filesBelow(snapshot)) {
      const leadsTo = await realpath(join(snapshot, path)).catch(() => undefined)
      if (leadsTo !== undefined) used.add(leadsTo)
    }
  }
  return used
}

/** Without a snapshot nothing of a repository can be found any more. What is not the cache's stays. */
async function removeRepository(folder: string): Promise<void> {
  for (const name of ['blobs', 'refs', 'snapshots', '.no_exist']) {
    await rm(join(folder, name), { recursive: true, force: true })
  }
  await rmdir(folder).catch(() => undefined)
}

async function removeEmptyFolders(folder: string): Promise<void> {
  if (!(await isFolder(folder))) return
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) await removeEmptyFolders(join(folder, entry.name))
  }
  await rmdir(folder).catch(() => undefined)
}
