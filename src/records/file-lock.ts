/**
 * A lock between processes: a file that only one of them can create. Its holder touches it every few seconds; a lock that
 * nobody touches, or whose process is gone, is stale and taken over. Knows nothing of what it guards.
 */
import { randomUUID } from 'node:crypto'
import type { Stats } from 'node:fs'
import { link, mkdir, open, readFile, rename, rm, stat, utimes } from 'node:fs/promises'
import { hostname } from 'node:os'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** Between creating a lock and writing into it passes less. */
const emptyMs = 5000
/** Clocks of files are coarse. */
const clockMs = 50

export interface LockOptions {
  readonly signal?: AbortSignal | undefined
  /** Called once if somebody else holds the lock. What it throws is thrown instead of waiting. */
  readonly onWait?: () => void
  /** Milliseconds between two looks. */
  readonly pollMs?: number
  /** Milliseconds without a touch after which a lock is stale. */
  readonly staleMs?: number
}

/** Runs `work` while holding the lock at `path`; waits for others as long as they are alive. */
export async function withFileLock<T>(path: string, options: LockOptions, work: () => Promise<T>): Promise<T> {
  const staleMs = options.staleMs ?? 30_000
  await mkdir(dirname(path), { recursive: true })
  const id = randomUUID()
  let waited = false
  while (!(await tryCreate(path, id))) {
    options.signal?.throwIfAborted()
    const stale = await findStale(path, staleMs)
    if (stale) {
      await remove(path, stale)
      continue
    }
    if (!waited) options.onWait?.()
    waited = true
    await sleep(options.pollMs ?? 500, undefined, options.signal ? { signal: options.signal } : {})
  }
  const heartbeat = setInterval(() => {
    const now = new Date()
    utimes(path, now, now).catch(() => undefined)
  }, staleMs / 5)
  heartbeat.unref()
  try {
    return await work()
  } finally {
    clearInterval(heartbeat)
    // A machine that slept for long finds its lock stale, and taken by somebody else.
    if ((await holderOf(path))?.id === id) await rm(path, { force: true })
  }
}

async function tryCreate(path: string, id: string): Promise<boolean> {
  try {
    await using file = await open(path, 'wx')
    await file.writeFile(JSON.stringify({ pid: process.pid, host: hostname(), id }))
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    // Windows says EPERM while another process is about to delete the file.
    if (code === 'EEXIST' || code === 'EPERM') return false
    throw error
  }
}

/** The lock's file if nobody holds it any more. */
async function findStale(path: string, staleMs: number): Promise<Stats | undefined> {
  const info = await stat(path).catch(() => undefined)
  if (info === undefined) return undefined
  const silentMs = Date.now() - info.mtimeMs
  if (silentMs > staleMs) return info
  // A kill can hit between creating the file and writing into it.
  if (info.size === 0) return silentMs > emptyMs ? info : undefined
  const holder = await holderOf(path)
  return holder?.host === hostname() && isGone(holder.pid, info.mtimeMs) ? info : undefined
}

/** Two may find the same stale lock, and the slower one must not remove what the faster one has put in its place. */
async function remove(path: string, stale: Stats): Promise<void> {
  const aside = `${path}.${randomUUID()}`
  try {
    await rename(path, aside)
  } catch {
    return
  }
  const { ino, mtimeMs } = await stat(aside)
  if (ino !== stale.ino || mtimeMs !== stale.mtimeMs) await link(aside, path).catch(() => undefined)
  await rm(aside, { force: true })
}

async function holderOf(path: string): Promise<{ pid: number; host: string; id?: string } | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as { pid: number; host: string; id?: string }
  } catch {
    return undefined
  }
}

/** @param touchedMs when the process last touched its lock */
function isGone(pid: number, touchedMs: number): boolean {
  // In a container that was started again the process often has the number of the one before it.
  if (pid === process.pid) return touchedMs < Date.now() - process.uptime() * 1000 - clockMs
  try {
    process.kill(pid, 0)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'EPERM'
  }
}
