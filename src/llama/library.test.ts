import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { smallModel, smallTensors, u32, writeGguf } from '../../test/support/gguf-writer.ts'
import { GgmlWorkspace } from './ggml-workspace.ts'
import { loadLibrary, packageOf, type Device, type LlamaLibrary } from './library.ts'
import { LlamaModel } from './model.ts'

const folder = mkdtempSync(join(tmpdir(), 'dynts-library-'))
afterAll(() => rmSync(folder, { recursive: true }))
const library = loadLibrary('off')

test.each([
  ['cpu', 'linux', 'arm64', '@node-llama-cpp/linux-arm64'],
  ['cpu', 'win32', 'x64', '@node-llama-cpp/win-x64'],
  ['cuda', 'linux', 'x64', '@node-llama-cpp/linux-x64-cuda'],
  ['vulkan', 'win32', 'x64', '@node-llama-cpp/win-x64-vulkan'],
  ['metal', 'darwin', 'arm64', '@node-llama-cpp/mac-arm64-metal'],
  // Nobody makes these.
  ['cuda', 'linux', 'arm64', undefined],
  ['vulkan', 'win32', 'arm64', undefined],
  ['cuda', 'darwin', 'arm64', undefined],
  ['metal', 'darwin', 'x64', undefined],
  ['metal', 'linux', 'x64', undefined],
  ['cpu', 'freebsd', 'x64', undefined],
  ['cuda', 'freebsd', 'x64', undefined],
] as const)('the package of %s on %s %s: %s', (backend, platform, arch, name) => {
  expect(packageOf(backend, platform, arch)).toBe(name)
})

describe('making an object', () => {
  test('one that is made at once is made once', () => {
    let runs = 0
    expect(library.make(() => BigInt(++runs), Error)).toBe(1n)
  })

  test('one that is made in the second attempt only is not lost', () => {
    const results = [null, 7n]
    expect(library.make(() => results.shift() ?? null, Error)).toBe(7n)
  })

  test('one that cannot be made: the error has what llama.cpp says of it, each time anew', () => {
    const { c } = library
    for (const path of ['/no/such/file.gguf', '/nor/this.gguf']) {
      const load = () => c.llama_model_load_from_file(path, c.llama_model_default_params())
      const failure = (reason?: string) => new Error(`because ${reason}`)
      expect(() => library.make(load, failure)).toThrow(path)
    }
    expect(() =>
      library.make(
        () => null,
        (reason) => new Error(`because ${reason}`),
      ),
    ).toThrow('because undefined')
  })
})

test('of what llama.cpp says of a file, the error is told, not the warning before it', () => {
  const path = join(folder, 'warned.gguf')
  // A BOS token beyond the vocabulary is a warning; then the output's norm is missing.
  writeFileSync(path, writeGguf(smallModel({ 'tokenizer.ggml.bos_token_id': u32(1000) }), smallTensors))
  expect(() => LlamaModel.load(library, path)).toThrow(
    expect.objectContaining({
      code: 'model_not_loaded',
      message: expect.stringMatching(/error loading model: .*output_norm\.weight/) as string,
    }),
  )
})

describe('a workspace computes on the CPU', () => {
  const cpu = library.devices.find(({ kind }) => kind === 'cpu')!
  const blas: Device = { index: cpu.index + 1, name: 'BLAS', description: 'Accelerate', kind: 'accelerator' }

  /** The library with other devices, noting which of them is used. */
  function withDevices(devices: readonly Device[]): { library: LlamaLibrary; used: number[] } {
    const used: number[] = []
    const ggml_backend_dev_get = (index: number) => {
      used.push(index)
      return library.c.ggml_backend_dev_get(index)
    }
    return { library: { ...library, devices, c: { ...library.c, ggml_backend_dev_get } }, used }
  }

  test('also where an accelerator, which knows some operations only, comes before it', () => {
    const { library: of, used } = withDevices([blas, cpu])
    for (const gpu of [false, true]) GgmlWorkspace.open(of, { gpu, threads: 1, contents: 'nothing' }).dispose()
    expect(used).toEqual([cpu.index, cpu.index])
  })

  test('and there is none without', () => {
    const { library: of } = withDevices([blas])
    expect(() => GgmlWorkspace.open(of, { threads: 1, contents: 'nothing' })).toThrow(
      expect.objectContaining({ name: 'EngineError', code: 'no_backend' }),
    )
  })
})
