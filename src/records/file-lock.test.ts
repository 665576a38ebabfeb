import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, utimesSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { withFileLock } from './file-lock.ts'

const fresh = () => join(mkdtempSync(join(tmpdir(), 'dynts-lock-')), 'lock')
const refuse = {
  pollMs: 5,
  onWait: () => {
    throw new Error('held')
  },
}
const taken = (path: string) => withFileLock(path, refuse, () => Promise.resolve('taken'))
/** A lock as a process of that number would have left it, untouched for so long. */
function leave(path: string, pid: number, silentMs: number, text = JSON.stringify({ pid, host: hostname() })): void {
  writeFileSync(path, text)
  const touched = new Date(Date.now() - silentMs)
  utimesSync(path, touched, touched)
}

describe('a lock', () => {
  test('is held by one at a time, and leaves nothing', async () => {
    const path = fresh()
    let inside = 0
    const work = async () => {
      expect(++inside).toBe(1)
      await sleep(5)
      inside--
    }
    await Promise.all(Array.from({ length: 5 }, () => withFileLock(path, { pollMs: 1 }, work)))
    expect(existsSync(path)).toBe(false)
  })

  test('of a process at work is respected until nobody has touched it for long', async () => {
    const path = fresh()
    leave(path, process.ppid, 10_000)
    await expect(taken(path)).rejects.toThrow('held')
    leave(path, process.ppid, 40_000)
    expect(await taken(path)).toBe('taken')
  })

  test('of a process that is gone is taken over at once', async () => {
    const path = fresh()
    leave(path, spawnSync(process.execPath, ['--version']).pid, 0)
    expect(await taken(path)).toBe('taken')
    // As in a container that was started again.
    leave(path, process.pid, process.uptime() * 1000 + 1000)
    expect(await taken(path)).toBe('taken')
    leave(path, process.pid, 0)
    await expect(taken(path)).rejects.toThrow('held')
  })

  test('that a kill has left empty is taken over after a moment', async () => {
    const path = fresh()
    leave(path, 0, 0, '')
    await expect(taken(path)).rejects.toThrow('held')
    leave(path, 0, 6000, '')
    expect(await taken(path)).toBe('taken')
  })

  test('that many find stale goes to one of them', async () => {
    const path = fresh()
    for (let round = 0; round < 20; round++) {
      leave(path, 0, 60_000)
      let inside = 0
      const work = async () => {
        expect(++inside).toBe(1)
        await sleep(1)
        inside--
      }
      await Promise.all(Array.from({ length: 4 }, () => withFileLock(path, { pollMs: 1 }, work)))
    }
    expect(readdirSync(join(path, '..'))).toEqual([])
  })

  test('that was taken over meanwhile is left to its new holder', async () => {
    const path = fresh()
    await withFileLock(path, {}, () => {
      leave(path, process.ppid, 0)
      return Promise.resolve()
    })
    await expect(taken(path)).rejects.toThrow('held')
  })
})
