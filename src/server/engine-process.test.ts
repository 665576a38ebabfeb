import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, expect, test, vi } from 'vitest'
import type { HostOptions } from './engine-messages.ts'
import { EngineProcess, type EngineState } from './engine-process.ts'

const folder = mkdtempSync(join(tmpdir(), 'dynts-engine-'))
afterEach(() => void vi.restoreAllMocks())
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** A program that ends, hangs, or is ready, as `starts` says of each of its starts. */
function programOf(starts: readonly ('ready' | 'hangs' | 'ends')[]): URL {
  const file = join(folder, 'program.mjs')
  const count = join(folder, 'count')
  writeFileSync(count, '0')
  writeFileSync(
    file,
    `import { readFileSync, writeFileSync } from 'node:fs'
    const count = ${JSON.stringify(count)}
    const start = Number(readFileSync(count, 'utf8'))
    writeFileSync(count, String(start + 1))
    const what = ${JSON.stringify(starts)}[start]
    if (what === 'hangs') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
    if (what === 'ends') process.exit(3)
    process.on('message', ({ type }) => {
      if (type === 'load') process.send({ type: 'ready', facts: { cells: start } })
      if (type === 'submit') process.exit(1)
      if (type === 'close') process.exit(0)
    })
    setInterval(() => process.send({ type: 'heartbeat', silentMs: 0 }), 50)
    process.on('disconnect', () => process.exit(0))`,
  )
  return pathToFileURL(file)
}

test('one that hangs or ends while it is started again is started once more', async () => {
  const states: EngineState[] = []
  const deaths: string[] = []
  const engine = new EngineProcess({
    host: {} as HostOptions,
    stallTimeoutMs: 2000,
    startTimeoutMs: 1000,
    program: programOf(['ready', 'hangs', 'ends', 'ready']),
    onState: (state) => states.push(state),
    onDeath: (reason) => deaths.push(reason),
  })
  expect((await engine.start()).cells).toBe(0)
  const error = await new Promise<Error>((resolve) => {
    engine.submit('a', { prompt: { text: '' } }, { onEvent: () => undefined, onError: resolve })
  })
  expect(error).toMatchObject({ code: 'engine_died' })
  await expect.poll(() => engine.facts?.cells, { timeout: 20_000 }).toBe(3)
  expect(deaths).toEqual(['exit', 'stall', 'exit'])
  expect(states).toEqual(['ready', 'restarting', 'ready'])
  expect(readFileSync(join(folder, 'count'), 'utf8')).toBe('4')
  await engine.close()
  expect(engine.state).toBe('closed')
}, 30_000)

test('one that was well long ago, and ends at each start, is given more and more time', async () => {
  const engine = new EngineProcess({
    host: {} as HostOptions,
    stallTimeoutMs: 2000,
    program: programOf(['ready', ...Array.from({ length: 100 }, () => 'ends' as const)]),
  })
  await engine.start()
  engine.submit('a', { prompt: { text: '' } }, { onEvent: () => undefined, onError: () => undefined })
  await expect.poll(() => engine.state).toBe('restarting')
  const now = performance.now.bind(performance)
  vi.spyOn(performance, 'now').mockImplementation(() => now() + 100_000)
  await sleep(2500)
  await engine.close()
  // At once, after half a second, and after another one.
  expect(Number(readFileSync(join(folder, 'count'), 'utf8'))).toBeLessThanOrEqual(1 + 4)
}, 30_000)
