/**
 * Which process holds a lock, and whether it is still there.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'

/** What stands in a lock's file. */
export interface LockHolder {
  /** Of this lock, unlike any other. */
  readonly id: string
  readonly pid: number
  readonly host: string
  /** When the process began, as the system counts it: the next one with its number began at another time. */
  readonly started?: string | undefined
  /** Of the machine's last start. */
  readonly boot?: string | undefined
  /** Containers on one machine may have the same name; each counts its processes for itself. */
  readonly pidNamespace?: string | undefined
}

/** `elsewhere`: on another machine or in another container, so nobody here knows. */
export type HolderState = 'alive' | 'gone' | 'elsewhere'

/** Of the locks that this process holds. */
const heldHere = new Set<string>()

const here = {
  host: hostname(),
  boot: attempt(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()),
  pidNamespace: attempt(() => readlinkSync('/proc/self/ns/pid')),
}
let ownStart: string | undefined

/** This process as the holder of a lock. */
export function holdHere(id: string): LockHolder {
  heldHere.add(id)
  ownStart ??= startOf(process.pid)
  return { id, pid: process.pid, started: ownStart, ...here }
}

export function letGoHere(id: string): void {
  heldHere.delete(id)
}

/** @returns undefined for text that no holder has written, or not wholly */
export function parseHolder(text: string): LockHolder | undefined {
  const holder = attempt(() => JSON.parse(text) as Partial<LockHolder> | null)
  const { pid, host, id = '' } = holder ?? {}
  return typeof pid === 'number' && typeof host === 'string' ? { ...holder, id, pid, host } : undefined
}

export function stateOf(holder: LockHolder): HolderState {
  if (heldHere.has(holder.id)) return 'alive'
  const { host, boot, pidNamespace, pid, started } = holder
  const isHere =
    host === here.host && (boot ?? here.boot) === here.boot && (pidNamespace ?? here.pidNamespace) === here.pidNamespace
  if (!isHere) return 'elsewhere'
  if (!isRunning(pid) || hasEnded(pid)) return 'gone'
  if (started === undefined) return pid === process.pid ? 'gone' : 'alive'
  return (startOf(pid) ?? started) === started ? 'alive' : 'gone'
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Killed, and still listed because its parent has not asked how it ended. */
function hasEnded(pid: number): boolean {
  return process.platform === 'linux' && ['Z', 'X'].includes(statOf(pid)?.[0] ?? '')
}

/** Linux: what it tells of a process, from its state on, the third field. The program's name before it may hold anything. */
function statOf(pid: number): string[] | undefined {
  return attempt(() =>
    readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' '),
  )
}

/** Undefined where the system does not tell. */
function startOf(pid: number): string | undefined {
  if (process.platform === 'linux') return statOf(pid)?.[19]
  if (process.platform === 'win32') return undefined
  const env = { LC_ALL: 'C', TZ: 'UTC' }
  const { status, stdout } = spawnSync('/bin/ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8', env })
  return status === 0 ? stdout.trim() : undefined
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
