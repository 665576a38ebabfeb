import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, expect, test, vi } from 'vitest'
import type { HostOptions } from './engine-messages.ts'
import { EngineProcess, engineEnvironment, type EngineState } from './engine-process.ts'

const folder = mkdtempSync(join(tmpdir(), 'dynts-engine-'))
const node = process.execPath
afterEach(() => {
  vi.restoreAllMocks()
  process.execPath = node
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/**
 * A program that ends, hangs, or is ready, as `starts` says of each of its starts. Over a generation it ends; `mute` closes its channel
 * then, and stays, and `babbles` says what is no message.
 */
function programOf(starts: readonly ('ready' | 'mute' | 'babbles' | 'hangs' | 'ends')[]): URL {
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
      if (type === 'submit' && what === 'ready') process.exit(1)
      if (type === 'submit' && what === 'babbles') process.send({ type: 'nonsense' })
      if (type === 'submit' && what === 'mute') {
        clearInterval(beating)
        process.removeAllListeners('disconnect')
        setInterval(() => undefined, 1000)
        process.disconnect()
      }
      if (type === 'close') process.exit(0)
    })
    const beating = setInterval(() => process.send({ type: 'heartbeat', silentMs: 0 }), 50)
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

test('one that cannot be started, told at once or later, is started again', async () => {
  const deaths: string[] = []
  const engine = new EngineProcess({
    host: {} as HostOptions,
    stallTimeoutMs: 60_000,
    program: programOf(['ready', 'ready']),
    onDeath: (reason) => deaths.push(reason),
  })
  await engine.start()
  process.execPath = join(folder, 'nowhere')
  engine.submit('a', { prompt: { text: '' } }, { onEvent: () => undefined, onError: () => undefined })
  await expect.poll(() => deaths, { timeout: 10_000 }).toEqual(['exit', 'start'])
  expect(engine.state).toBe('restarting')
  // Refused before there is a process.
  process.execPath = 'no\0where'
  await expect.poll(() => deaths, { timeout: 10_000 }).toEqual(['exit', 'start', 'start'])
  process.execPath = node
  await expect.poll(() => engine.state, { timeout: 10_000 }).toBe('ready')
  await engine.close()
}, 30_000)

test.each(['nowhere', 'no\0where'])('one that cannot be started the first time says so (%j)', async (name) => {
  const engine = new EngineProcess({ host: {} as HostOptions, stallTimeoutMs: 2000, program: programOf([]) })
  process.execPath = join(folder, name)
  await expect(engine.start()).rejects.toMatchObject({ code: 'engine_died' })
  await engine.close()
})

test('one whose channel has closed is ended, and started again', async () => {
  const deaths: string[] = []
  const engine = new EngineProcess({
    host: {} as HostOptions,
    stallTimeoutMs: 60_000,
    program: programOf(['mute', 'ready']),
    onDeath: (reason) => deaths.push(reason),
  })
  await engine.start()
  const error = await new Promise<Error>((resolve) => {
    engine.submit('a', { prompt: { text: '' } }, { onEvent: () => undefined, onError: resolve })
  })
  expect(error).toMatchObject({ code: 'engine_died' })
  await expect.poll(() => engine.facts?.cells, { timeout: 10_000 }).toBe(1)
  expect(deaths).toEqual(['signal'])
  await engine.close()
}, 30_000)

test('the engine gets nothing of the environment that is secret', () => {
  const needed = { PATH: '/bin', HF_HOME: '/hf', HF_HUB_CACHE: '/hub', XDG_CACHE_HOME: '/c', CUDA_VISIBLE_DEVICES: '0' }
  const secret = {
    DYNTS_API_KEY: 'k',
    HF_TOKEN: 't',
    HUGGING_FACE_HUB_TOKEN: 't',
    HTTPS_PROXY: 'http://user:password@proxy',
    http_proxy: 'http://user:password@proxy',
    OPENAI_API_KEY: 'k',
    NODE_OPTIONS: '--require=./x.js',
  }
  expect(engineEnvironment({ ...needed, ...secret })).toEqual(needed)
})

test('one that says what is no message is started again', async () => {
  const deaths: string[][] = []
  const engine = new EngineProcess({
    host: {} as HostOptions,
    stallTimeoutMs: 60_000,
    program: programOf(['babbles', 'ready']),
    onDeath: (reason, _how, said) => deaths.push([reason, said]),
  })
  await engine.start()
  engine.submit('a', { prompt: { text: '' } }, { onEvent: () => undefined, onError: () => undefined })
  await expect.poll(() => engine.facts?.cells, { timeout: 10_000 }).toBe(1)
  expect(deaths).toEqual([['message', expect.stringContaining('nonsense')]])
  await engine.close()
}, 30_000)
