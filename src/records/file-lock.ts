/**
 * A lock between processes: a file that only one of them can create. Its holder touches it every few seconds. Who holds a lock
 * can lose it while it is suspended, so it asks before each write whether the lock is still its own.
 */
import { randomUUID } from 'node:crypto'
import {
  closeSync,
  fstatSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
  type BigIntStats,
} from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { EngineError } from '../errors.ts'
import { writing } from './file-failure.ts'
import { holdHere, letGoHere, parseHolder, stateOf, type LockHolder } from './lock-holder.ts'
import { makeFolder } from './make-folder.ts'

/** Between creating a lock and writing into it passes less. */
const emptyMs = 5000
/** Whoever takes a lock by mistake puts it back at once: so often, and so long apart, its holder looks for it. */
const putBack = { looks: 10, everyMs: 10 }

/** The right to write, which can be lost. */
export interface WriteLock {
  /** To be called right before each write. @throws EngineError `lock_lost`, from then on always */
  check(): void
  /** Has `close` called when the lock is released, however the work ends. */
  onRelease(close: () => void): void
}

export interface LockOptions {
  readonly signal?: AbortSignal | undefined
  /** Called once if somebody else holds the lock. What it throws is thrown instead of waiting. */
  readonly onWait?: () => void
  /** Milliseconds between two looks. */
  readonly pollMs?: number
  /**
   * Milliseconds without a touch after which the lock of a process on another machine is stale. One of this machine is stale
   * when the process is gone, and not before.
   */
  readonly staleMs?: number
  /** What names the place of the lock, for messages; default `--output`. */
  readonly option?: string
}

/**
 * Runs `work` while holding the lock at `path`; waits for others as long as they are alive.
 * @throws InputError `invalid_output`, `disk_full` if there can be no lock; EngineError `lock_lost` if it was lost meanwhile,
 *   even if `work` has come to its end
 */
export async function withFileLock<T>(
  path: string,
  options: LockOptions,
  work: (lock: WriteLock) => Promise<T>,
): Promise<T> {
  const lock = await FileLock.acquire(path, options)
  try {
    const result = await work(lock)
    lock.check()
    return result
  } finally {
    lock.release()
  }
}

class FileLock implements WriteLock {
  readonly #path: string
  readonly #holder: LockHolder
  readonly #file: number
  readonly #heartbeat: NodeJS.Timeout | undefined
  readonly #closers: (() => void)[] = []
  #isLost = false

  static async acquire(path: string, options: LockOptions): Promise<FileLock> {
    const { signal, onWait, pollMs = 500, staleMs = 30_000, option } = options
    makeFolder(dirname(path), option)
    for (let waited = false; ;) {
      const file = writing(path, () => tryCreate(path), option)
      if (file !== undefined) return new FileLock(path, file, staleMs)
      signal?.throwIfAborted()
      const stale = writing(path, () => findStale(path, staleMs), option)
      if (stale) {
        writing(path, () => takeAway(path, stale), option)
        continue
      }
      if (!waited) onWait?.()
      waited = true
      await sleep(pollMs, undefined, signal ? { signal } : {})
    }
  }

  private constructor(path: string, file: number, staleMs: number) {
    this.#path = path
    this.#file = file
    this.#holder = holdHere(randomUUID())
    const content = Buffer.from(JSON.stringify(this.#holder))
    try {
      writing(path, () => writeSync(file, content))
    } catch (error) {
      this.release()
      rmSync(path, { force: true })
      throw error
    }
    this.#heartbeat = setInterval(() => touch(file, content), staleMs / 5).unref()
  }

  check(): void {
    for (let look = 0; !this.#isLost; look++) {
      const text = readText(this.#path)
      if (text !== undefined && parseHolder(text)?.id === this.#holder.id) return
      this.#isLost = text !== undefined || look === putBack.looks
      if (!this.#isLost) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, putBack.everyMs)
    }
    throw new EngineError(
      'lock_lost',
      `Another process has taken over ${this.#path} while this one was suspended, or that file was deleted: nothing more is written here. Run the same command again when the other one has ended.`,
    )
  }

  onRelease(close: () => void): void {
    this.#closers.push(close)
  }

  release(): void {
    clearInterval(this.#heartbeat)
    try {
      for (const close of this.#closers) close()
    } finally {
      closeSync(this.#file)
      letGoHere(this.#holder.id)
      if (parseHolder(readText(this.#path) ?? '')?.id === this.#holder.id) rmSync(this.#path, { force: true })
    }
  }
}

/** Undefined: there is a lock already. */
function tryCreate(path: string): number | undefined {
  try {
    return openSync(path, 'wx')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    // Windows says EPERM while another process is about to delete the file.
    if (code === 'EEXIST' || (code === 'EPERM' && process.platform === 'win32')) return undefined
    throw error
  }
}

/**
 * Writes what is there again. So it is the file system's clock that sets the time, and the file is the holder's own, even if
 * there is another one in its place by now.
 */
function touch(file: number, content: Uint8Array): void {
  try {
    writeSync(file, content, 0, content.length, 0)
    fsyncSync(file)
  } catch {
    // The next touch is soon.
  }
}

/** The lock's file if nobody holds it any more. */
function findStale(path: string, staleMs: number): BigIntStats | undefined {
  const info = statSync(path, { bigint: true, throwIfNoEntry: false })
  if (info === undefined) return undefined
  // A folder of that name is no lock.
  if (!info.isFile()) readFileSync(path)
  const holder = parseHolder(readText(path) ?? '')
  const state = holder ? stateOf(holder) : 'elsewhere'
  if (state === 'alive') return undefined
  if (state === 'gone') return info
  // A kill can hit between creating the file and writing into it.
  const allowedMs = holder ? staleMs : emptyMs
  return untouchedMs(path, info) > allowedMs ? info : undefined
}

/** By the clock that touched it: the file system's, which may be another machine's. */
function untouchedMs(path: string, { mtimeMs }: BigIntStats): number {
  const probe = `${path}.${randomUUID()}`
  const file = openSync(probe, 'wx')
  try {
    writeSync(file, '.')
    fsyncSync(file)
    return Number(fstatSync(file, { bigint: true }).mtimeMs - mtimeMs)
  } finally {
    closeSync(file)
    rmSync(probe, { force: true })
  }
}

/** Two may find the same stale lock, and the slower one must put back what the faster one has created in its place. */
function takeAway(path: string, stale: BigIntStats): void {
  const aside = `${path}.${randomUUID()}`
  try {
    renameSync(path, aside)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  const { ino, mtimeNs } = statSync(aside, { bigint: true })
  try {
    if (ino !== stale.ino || mtimeNs !== stale.mtimeNs) linkSync(aside, path)
  } catch {
    // A third one has created a lock: the holder of this one will see that it has lost it.
  } finally {
    rmSync(aside, { force: true })
  }
}

/** Undefined: there is no such file. */
function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? undefined : ''
  }
}
