import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { EngineError, InputError } from '../errors.ts'
import { PassProcess, type PassProcessOptions } from './pass-process.ts'

const scratch = mkdtempSync(join(tmpdir(), 'dynts-pass-'))
afterAll(() => rmSync(scratch, { recursive: true }))

let programs = 0
/** Opens a process in which `send` and `onMessage` stand for the two ends of the channel. */
function open(source: string, options: PassProcessOptions = {}): Promise<PassProcess> {
  const path = join(scratch, `${programs++}.mjs`)
  const ends = 'const send = (message) => process.send(message); const onMessage = (f) => process.on("message", f)'
  writeFileSync(path, `${ends}\n${source}`)
  return PassProcess.open({ path: 'a model', cells: 5 }, { ...options, program: pathToFileURL(path) })
}
const opened = 'send({ type: "opened" })'
const trace = { tokens: [1, 2, 3], promptTokens: 1, thinkStart: 1, thinkEnd: 2, answerStart: 3 }
const ran = (pass: PassProcess) => pass.run(trace, Int32Array.of(0), () => undefined)

/** Resolves when the process is gone; its parent has to have noticed, too. */
async function gone(pid: number): Promise<void> {
  const lives = () => {
    try {
      return process.kill(pid, 0)
    } catch {
      return false
    }
  }
  while (lives()) await sleep(5)
}

describe('an abort ends a process that listens to nobody', () => {
  const enough = new Error('enough')
  const stuck = 'send({ type: "progress", done: process.pid }); for (;;);'

  test('while it loads', async () => {
    const stop = new AbortController()
    let pid = 0
    const onLoading = (done: number) => {
      pid = done
      stop.abort(enough)
    }
    await expect(open(`onMessage(() => { ${stuck} })`, { signal: stop.signal, onLoading })).rejects.toBe(enough)
    await gone(pid)
  })

  test('while it computes', async () => {
    const stop = new AbortController()
    const source = `onMessage(({ type }) => { if (type === 'open') ${opened}; else { ${stuck} } })`
    using pass = await open(source, { signal: stop.signal })
    let pid = 0
    const onProgress = (done: number) => {
      pid = done
      stop.abort(enough)
    }
    await expect(pass.run(trace, Int32Array.of(0), onProgress)).rejects.toBe(enough)
    await gone(pid)
    await expect(ran(pass)).rejects.toBe(enough)
  })

  test('before it has begun', async () => {
    await expect(open(opened, { signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' })
  })
})

test('what is sent and what comes back are what they were', async () => {
  const source = `onMessage((message) => {
    if (message.type === 'open') { send({ type: 'progress', done: 0.5 }); ${opened} }
    else {
      const states = Uint16Array.of(message.trace.tokens.length, message.sampled[0])
      send({ type: 'progress', done: 3 })
      send({ type: 'measured', arrays: { importance: Float32Array.of(0.25), promptImportance: new Float32Array(1), sampled: message.sampled, states } })
    }
  })`
  const loading: number[] = []
  using pass = await open(source, { onLoading: (share) => loading.push(share) })
  const consumed: number[] = []
  const arrays = await pass.run(trace, Int32Array.of(7), (tokens) => consumed.push(tokens))
  expect(arrays).toEqual({
    importance: Float32Array.of(0.25),
    promptImportance: new Float32Array(1),
    sampled: Int32Array.of(7),
    states: Uint16Array.of(3, 7),
  })
  expect([loading, consumed]).toEqual([[0.5], [3]])
})

test('a refusal comes back as what it was', async () => {
  const source =
    'onMessage(() => send({ type: "failure", error: { kind: "input", code: "no_attention", message: "None." } }))'
  const refused = open(source)
  await expect(refused).rejects.toBeInstanceOf(InputError)
  await expect(refused).rejects.toMatchObject({ code: 'no_attention', message: 'None.' })
})

describe('a process that ends by itself is told with how', () => {
  test.each([
    ['process.exit(3)', /model ended: exit code 3\. .*what is finished is kept/i],
    ['process.kill(process.pid, "SIGABRT")', /model ended: signal SIGABRT\./],
  ])('%s', async (end, message) => {
    const ended = open(`onMessage(() => { ${end} })`)
    await expect(ended).rejects.toBeInstanceOf(EngineError)
    await expect(ended).rejects.toThrow(message)
  })

  test('between two traces', async () => {
    using pass = await open(`onMessage(({ type }) => { if (type === 'open') ${opened}; else process.exit(4) })`)
    await expect(ran(pass)).rejects.toMatchObject({ code: 'engine_died' })
    await expect(ran(pass)).rejects.toThrow(/exit code 4/)
  })
})

test('disposal ends the process', async () => {
  let pid = 0
  const pass = await open(`onMessage(() => { send({ type: "progress", done: process.pid }); ${opened} })`, {
    onLoading: (done) => (pid = done),
  })
  pass.dispose()
  await gone(pid)
  await expect(ran(pass)).rejects.toThrow(EngineError)
})
