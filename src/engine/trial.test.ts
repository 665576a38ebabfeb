import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeEach, describe, expect, test, vi } from 'vitest'
import type { GgufInfo } from '../models/gguf-file.ts'
import { trialDone, tryModel } from './trial.ts'

const folder = mkdtempSync(join(tmpdir(), 'dynts-trial-'))
afterAll(() => rmSync(folder, { recursive: true }))
let count = 0

beforeEach(() => {
  vi.stubEnv('XDG_CACHE_HOME', join(folder, `cache${count++}`))
})

/** What runs in the other process, in place of llama.cpp. */
function program(code: string): URL {
  const path = join(folder, `${count++}.mjs`)
  writeFileSync(path, code)
  return pathToFileURL(path)
}

function modelOf(architecture: string): GgufInfo {
  const path = join(folder, `${count++}.gguf`)
  writeFileSync(path, 'weights')
  return { path, paths: [path], fileBytes: 7, architecture, tokenizer: { model: 'gpt2' } } as unknown as GgufInfo
}

const passes = program(`process.stdout.write(${JSON.stringify(trialDone)})`)
const aborts = program(`
  process.stderr.write('/home/a/src/ggml.c:12: GGML_ASSERT(n > 0) failed\\n')
  process.kill(process.pid, 'SIGABRT')
  setInterval(() => {}, 1000)
`)
const hangs = program('setInterval(() => {}, 1000)')
const failure = (code: string, message: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) as string }) as Error

describe('a model of an architecture that is not proven', () => {
  test('is tried once, and again when its file has changed', async () => {
    const info = modelOf('phi3')
    const onStart = vi.fn()
    const attempt = () => tryModel(info, { gpu: 'off', program: passes, onStart })
    expect(await attempt()).toEqual({ gpu: 'off' })
    expect(await attempt()).toEqual({ gpu: 'off' })
    expect(onStart).toHaveBeenCalledTimes(1)
    writeFileSync(info.path, 'other weights')
    await attempt()
    expect(onStart).toHaveBeenCalledTimes(2)
  })

  const said = /does not survive it \(ggml\.c:12: GGML_ASSERT\(n > 0\) failed/
  test('that ends the process is refused with what llama.cpp said; it is tried once, and again when its file has changed', async () => {
    const info = modelOf('phi3')
    const onStart = vi.fn()
    const attempt = () => tryModel(info, { gpu: 'off', program: aborts, onStart })
    await expect(attempt()).rejects.toThrow(failure('model_crashes', said))
    await expect(attempt()).rejects.toThrow(failure('model_crashes', said))
    await expect(attempt()).rejects.toThrow(/; found in an earlier trial, which .*tried-models\.json remembers\)/)
    expect(onStart).toHaveBeenCalledTimes(1)
    writeFileSync(info.path, 'other weights')
    expect(await tryModel(info, { gpu: 'off', program: passes, onStart })).toEqual({ gpu: 'off' })
    expect(onStart).toHaveBeenCalledTimes(2)
  })

  test('whose trial was ended by somebody else, by a fault of the program, for want of memory or time, is tried again', async () => {
    const info = modelOf('phi3')
    const killed = program(`process.kill(process.pid, 'SIGKILL'); setInterval(() => {}, 1000)`)
    const fails = program(`throw new Error('no')`)
    await expect(tryModel(info, { gpu: 'off', program: killed })).rejects.toThrow(/ended by SIGKILL/)
    await expect(tryModel(info, { gpu: 'off', program: fails })).rejects.toThrow(/ended by exit code 1/)
    const full = program(`process.stderr.write('  what():  std::bad_alloc\\n'); process.kill(process.pid, 'SIGABRT')`)
    await expect(tryModel(info, { gpu: 'off', program: full })).rejects.toThrow(/bad_alloc/)
    const limits = { seconds: 1, memoryBytes: 2 ** 33 }
    await expect(tryModel(info, { gpu: 'off', program: hangs, limits })).rejects.toThrow(/come to an end/)
    expect(await tryModel(info, { gpu: 'off', program: passes })).toEqual({ gpu: 'off' })
  })

  const limits = { seconds: 100, memoryBytes: 2 ** 33 }
  test('whose trial does not come to an end is refused', async () => {
    const options = { gpu: 'off', program: hangs, limits: { ...limits, seconds: 1 } } as const
    await expect(tryModel(modelOf('phi3'), options)).rejects.toThrow(
      failure('model_crashes', /\(it does not come to an end within 1 seconds\)/),
    )
  })

  test.runIf(process.platform === 'linux')('whose trial takes memory without end is refused', async () => {
    const grows = program('const held = []; setInterval(() => held.push(Buffer.alloc(2 ** 24, 1)), 5)')
    const options = { gpu: 'off', program: grows, limits: { ...limits, memoryBytes: 2 ** 28 } } as const
    await expect(tryModel(modelOf('phi3'), options)).rejects.toThrow(
      failure('model_crashes', /\(it takes memory without end\)/),
    )
  })

  test('a trial can be cancelled', async () => {
    const stop = new AbortController()
    const trial = tryModel(modelOf('phi3'), {
      gpu: 'off',
      program: hangs,
      signal: stop.signal,
      onStart: () => stop.abort(),
    })
    await expect(trial).rejects.toThrow(failure('load_cancelled', /cancelled/))
  })

  test('where nothing can be written, it is tried each time', async () => {
    const blocked = join(folder, `${count++}`)
    writeFileSync(blocked, '')
    vi.stubEnv('XDG_CACHE_HOME', blocked)
    const onStart = vi.fn()
    const info = modelOf('phi3')
    for (let i = 0; i < 2; i++) await tryModel(info, { gpu: 'off', program: passes, onStart })
    expect(onStart).toHaveBeenCalledTimes(2)
  })
})

test('one with another tokenizer is tried as well', async () => {
  const info = { ...modelOf('qwen2'), tokenizer: { model: 't5' } } as GgufInfo
  await expect(tryModel(info, { gpu: 'off', program: aborts })).rejects.toThrow(failure('model_crashes', /GGML_ASSERT/))
})

test('one that is proven is not tried on the CPU', async () => {
  expect(await tryModel(modelOf('qwen2'), { gpu: 'off', program: aborts })).toEqual({ gpu: 'off' })
})
