import { spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test, vi } from 'vitest'
import { scratch } from '../../test/support/scratch.ts'
import { EngineError } from '../errors.ts'
import { withFileLock } from './file-lock.ts'
import type { LockHolder } from './lock-holder.ts'

/** What happens when a lock is renamed, right before it. */
const race = vi.hoisted(() => ({ beforeRename: undefined as (() => void) | undefined }))
vi.mock('node:fs', async (original) => {
  const fs = await original<{ renameSync: (from: string, to: string) => void }>()
  const renameSync = (from: string, to: string) => {
    race.beforeRename?.()
    fs.renameSync(from, to)
  }
  return { ...fs, renameSync }
})

const fresh = () => join(mkdtempSync(join(scratch, 'dynts-lock-')), 'lock')
const refuse = {
  pollMs: 5,
  onWait: () => {
    throw new Error('held')
  },
}
const taken = (path: string) => withFileLock(path, refuse, () => Promise.resolve('taken'))
/** A lock as another process would have left it, untouched for so long. */
function leave(path: string, holder: Partial<LockHolder>, silentMs = 0): void {
  write(path, JSON.stringify({ id: 'other', pid: process.ppid, host: hostname(), ...holder }), silentMs)
}
function write(path: string, text: string, silentMs: number): void {
  writeFileSync(path, text)
  const touched = new Date(Date.now() - silentMs)
  utimesSync(path, touched, touched)
}
/** What a lock of this process says. */
async function ownHolder(): Promise<LockHolder> {
  const path = fresh()
  return await withFileLock(path, {}, () => Promise.resolve(JSON.parse(readFileSync(path, 'utf8')) as LockHolder))
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

  test('of a live process of this machine is never taken, whatever the clocks say', async () => {
    const path = fresh()
    for (const silentMs of [10_000, 40_000, 3_600_000, -3_600_000]) {
      leave(path, {}, silentMs)
      await expect(taken(path)).rejects.toThrow('held')
    }
  })

  test('of another machine, or another container, is respected until nobody has touched it for long', async () => {
    const path = fresh()
    for (const other of [{ host: 'elsewhere' }, { boot: 'another' }, { pidNamespace: 'another' }]) {
      leave(path, other, 10_000)
      await expect(taken(path)).rejects.toThrow('held')
      leave(path, other, 40_000)
      expect(await taken(path)).toBe('taken')
    }
  })

  test('is as old as the clock of its disk says, not as this process believes', async () => {
    const path = fresh()
    const now = Date.now()
    vi.spyOn(Date, 'now').mockImplementation(() => now + 3_600_000)
    try {
      write(path, JSON.stringify({ id: 'other', pid: 1, host: 'elsewhere' }), 3_600_000)
      await expect(taken(path)).rejects.toThrow('held')
    } finally {
      vi.restoreAllMocks()
    }
  })

  test('of a process that is gone is taken over at once', async () => {
    const path = fresh()
    leave(path, { pid: spawnSync(process.execPath, ['--version']).pid })
    expect(await taken(path)).toBe('taken')
  })

  test('of an earlier process with the same number is taken over at once', async () => {
    const path = fresh()
    const own = await ownHolder()
    leave(path, { ...own, id: 'earlier', started: '1' })
    expect(await taken(path)).toBe('taken')
    // Another one of this process, e.g. of a second copy of this module.
    leave(path, { ...own, id: 'mine' })
    await expect(taken(path)).rejects.toThrow('held')
  })

  test('that a kill has left empty is taken over after a moment', async () => {
    const path = fresh()
    write(path, '', 0)
    await expect(taken(path)).rejects.toThrow('held')
    write(path, '', 6000)
    expect(await taken(path)).toBe('taken')
  })

  test('that many find stale goes to one of them', async () => {
    const path = fresh()
    for (let round = 0; round < 20; round++) {
      leave(path, { host: 'elsewhere' }, 60_000)
      let inside = 0
      const work = async () => {
        expect(++inside).toBe(1)
        await sleep(1)
        inside--
      }
      await Promise.all(Array.from({ length: 4 }, () => withFileLock(path, { pollMs: 1 }, work)))
    }
    expect(readdirSync(dirname(path))).toEqual([])
  })

  test('that was created while a stale one was found is put back', async () => {
    const path = fresh()
    leave(path, { host: 'elsewhere' }, 60_000)
    let faster: string | undefined
    race.beforeRename = () => {
      race.beforeRename = undefined
      rmSync(path)
      leave(path, { id: 'faster' })
      faster = readFileSync(path, 'utf8')
    }
    await expect(taken(path)).rejects.toThrow('held')
    expect(faster).toContain('faster')
    expect(readdirSync(dirname(path))).toEqual(['lock'])
    expect(readFileSync(path, 'utf8')).toBe(faster)
  })

  test('that was taken over is lost at once, for good, and left to its new holder', async () => {
    const path = fresh()
    const lost = withFileLock(path, {}, (lock) => {
      lock.check()
      rmSync(path)
      leave(path, {})
      expect(() => lock.check()).toThrow(EngineError)
      rmSync(path)
      expect(() => lock.check()).toThrow(/taken over .*lock/)
      leave(path, {})
      return Promise.resolve()
    })
    await expect(lost).rejects.toMatchObject({ code: 'lock_lost' })
    await expect(taken(path)).rejects.toThrow('held')
  })

  test('that was lost after the last write is told too', async () => {
    const path = fresh()
    const lost = withFileLock(path, {}, () => {
      rmSync(path)
      return Promise.resolve()
    })
    await expect(lost).rejects.toMatchObject({ code: 'lock_lost' })
  })

  test('is touched in its own file only', async () => {
    const path = fresh()
    const lost = withFileLock(path, { staleMs: 50 }, async () => {
      rmSync(path)
      leave(path, {}, 60_000)
      await sleep(100)
    })
    await expect(lost).rejects.toMatchObject({ code: 'lock_lost' })
    expect(readFileSync(path, 'utf8')).toContain('other')
    expect(statSync(path).mtimeMs).toBeLessThan(Date.now() - 50_000)
  })

  test('closes what was opened under it, also after a failure', async () => {
    const closed: string[] = []
    const failing = withFileLock(fresh(), {}, (lock) => {
      lock.onRelease(() => closed.push('first'))
      throw new Error('no')
    })
    await expect(failing).rejects.toThrow('no')
    expect(closed).toEqual(['first'])
  })

  test('that cannot be made says which file, and why', async () => {
    const file = fresh()
    writeFileSync(file, '')
    await expect(taken(join(file, 'lock'))).rejects.toMatchObject({
      code: 'invalid_output',
      message: expect.stringMatching(/lock cannot be written: .*(file, not a folder|has its name)/) as string,
    })
    const folder = fresh()
    mkdirSync(folder)
    await expect(taken(folder)).rejects.toMatchObject({ code: 'invalid_output' })
  })
})
