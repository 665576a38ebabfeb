/**
 * A lock between processes: a file that only one of them can create. Its holder touches it every few seconds; a lock that
 * nobody touches, or whose process is gone, is stale and taken over. Knows nothing of what it guards.
 */
import { mkdir, open, readFile, rm, stat, utimes } from 'node:fs/promises'
import { hostname } from 'node:os'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

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
  let waited = false
  while (!(await tryCreate(path))) {
    options.signal?.throwIfAborted()
    if (await isStale(path, staleMs)) {
      await rm(path, { force: true })
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
    await rm(path, { force: true })
  }
}

async function tryCreate(path: string): Promise<boolean> {
  try {
    const file = await open(path, 'wx')
    await file.writeFile(JSON.stringify({ pid: process.pid, host: hostname() }))
    await file.close()
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    // Windows says EPERM while another process is about to delete the file.
    if (code === 'EEXIST' || code === 'EPERM') return false
    throw error
  }
}

async function isStale(path: string, staleMs: number): Promise<boolean> {
  const info = await stat(path).catch(() => undefined)
  if (info === undefined) return false
  if (Date.now() - info.mtimeMs > staleMs) return true
  const holder = parseHolder(await readFile(path, 'utf8').catch(() => ''))
  return holder?.host === hostname() && !isAlive(holder.pid)
}

function parseHolder(text: string): { pid: number; host: string } | undefined {
  try {
    return JSON.parse(text) as { pid: number; host: string }
  } catch {
    return undefined
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
