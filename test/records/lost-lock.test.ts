/**
 * Two real processes that write the same file of records. Each is suspended after the first record that it writes.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { scratch } from '../support/scratch.ts'

const program = fileURLToPath(new URL('../support/write-records.js', import.meta.url))
const count = 20
const fresh = () => join(mkdtempSync(join(scratch, 'dynts-lost-lock-')), 'records.jsonl')

interface Writer {
  readonly child: ChildProcess
  readonly finished: Promise<{ code: number | null; stderr: string }>
  /** Resolves when it is suspended. */
  readonly suspended: Promise<unknown>
}

function writer(path: string): Writer {
  const env = { ...process.env, RECORDS: path, COUNT: String(count), STALE_MS: '200' }
  const child = spawn(process.execPath, [program], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const finished = once(child, 'close').then(([code]) => ({ code: code as number | null, stderr }))
  return { child, finished, suspended: once(child.stdout, 'data') }
}

/** The records' keys, and who wrote them. */
function recordsOf(path: string): { keys: string[]; writers: Set<string> } {
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n')
  const records = lines.map((line) => JSON.parse(line) as { key: string; by: string })
  return { keys: records.map(({ key }) => key), writers: new Set(records.map(({ by }) => by)) }
}
const all = Array.from({ length: count }, (_, i) => String(i))

test('a writer that was suspended and has lost its lock writes nothing more, and fails', async () => {
  const path = fresh()
  const first = writer(path)
  await first.suspended
  // As if it ran on another machine: here nobody takes the lock of a process that is there.
  const lock = `${path}.lock`
  writeFileSync(lock, readFileSync(lock, 'utf8').replace(JSON.stringify(hostname()), '"elsewhere"'))
  const second = writer(path)
  await second.suspended
  const ofSecond = readFileSync(lock, 'utf8')
  expect(ofSecond).toContain(`"pid":${second.child.pid ?? 0}`)
  first.child.kill('SIGCONT')
  expect(await first.finished).toEqual({ code: 1, stderr: 'lock_lost\n' })
  expect(readFileSync(lock, 'utf8')).toBe(ofSecond)
  second.child.kill('SIGCONT')
  expect(await second.finished).toEqual({ code: 0, stderr: '' })
  const { keys, writers } = recordsOf(path)
  expect(keys).toEqual(all)
  expect(writers.size).toBe(2)
  expect(existsSync(lock)).toBe(false)
})

test('the lock of a suspended process of this machine is waited for, whatever the clocks say', async () => {
  const path = fresh()
  const first = writer(path)
  await first.suspended
  const lock = `${path}.lock`
  utimesSync(lock, new Date(0), new Date(0))
  const second = writer(path)
  let isOver = false
  void second.finished.then(() => (isOver = true))
  await sleep(600)
  expect([isOver, statSync(lock).mtimeMs]).toEqual([false, 0])
  first.child.kill('SIGCONT')
  expect(await first.finished).toEqual({ code: 0, stderr: '' })
  expect(await second.finished).toEqual({ code: 0, stderr: '' })
  const { keys, writers } = recordsOf(path)
  expect(keys).toEqual(all)
  expect(writers).toEqual(new Set([String(first.child.pid)]))
})
