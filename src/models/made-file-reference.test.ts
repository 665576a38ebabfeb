import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { FakeHub, fail } from '../../test/support/hub-server.ts'
import { listCachedModels } from './hub-cache.ts'
import { madeFileKinds } from './made-file-name.ts'
import { parseMadeFileReference, resolveMadeFile } from './made-file-reference.ts'
import { resolveModel, type ResolveOptions } from './resolve.ts'

describe.each(madeFileKinds)('what names a %s on the Hub', (kind) => {
  const main = { kind: 'hub', repo: 'user/repo', revision: 'main' }
  test.each([
    ['hf:user/repo', main],
    ['hf:user/repo@v1', { ...main, revision: 'v1' }],
    [`hf:user/repo:a.${kind}.gguf`, { ...main, file: `a.${kind}.gguf` }],
    [`hf:user/repo@v1:a.${kind}.gguf`, { ...main, revision: 'v1', file: `a.${kind}.gguf` }],
    [`hf:user/repo/folder/a.${kind}.gguf`, { ...main, file: `folder/a.${kind}.gguf` }],
    [`https://huggingface.co/user/repo/blob/main/a.${kind}.gguf`, { ...main, file: `a.${kind}.gguf` }],
    ['hf.co/user/repo', main],
  ])('%s', (text, reference) => {
    expect(parseMadeFileReference(kind, text, {})).toEqual(reference)
  })

  test.each([`model.${kind}.gguf`, './hf/a.gguf', 'user/repo', '/hf:a'])('%s is a path', (text) => {
    expect(parseMadeFileReference(kind, text, {})).toBeUndefined()
  })

  test.each([
    'hf:',
    'hf:user',
    'hf:user/repo:Q4_K_M',
    'hf:user/repo/../a.gguf',
    'hf:user/repo:a.safetensors',
    'https://example.org/a',
  ])('%s is refused', (text) => {
    expect(() => parseMadeFileReference(kind, text, {})).toThrow(
      expect.objectContaining({ code: `${kind}_reference`, message: expect.stringContaining(text) as string }),
    )
  })
})

describe.each(madeFileKinds)('a %s from the Hub', (kind) => {
  const [first, second] = ['c0ffee00'.repeat(5), 'decade00'.repeat(5)]
  const contents = (name: string) => Buffer.from(`GGUF\x03\0\0\0${name}`)
  const nameIn = async (path: string) => (await readFile(path, 'utf8')).slice(8)
  const files = (...names: string[]) => Object.fromEntries(names.map((name) => [name, contents(name)]))
  const exact = `m-Q8_0.${kind}.gguf`
  const shared = `m.${kind}.gguf`

  let hub: FakeHub
  let cache: string
  beforeAll(async () => {
    hub = await FakeHub.start()
  })
  afterAll(() => hub.stop())
  beforeEach(async () => {
    cache = await mkdtemp(join(tmpdir(), 'dynts-predictor-'))
    hub.log.length = 0
    hub.hubFault = () => false
    hub.repos.clear()
    hub.repos.set('user/one', { commit: first, files: files(`any.${kind}.gguf`, 'README.md') })
    hub.repos.set('user/more', { commit: first, files: files(exact, shared, `q/other.${kind}.gguf`) })
    hub.repos.set('user/models', { commit: first, files: files('m-Q8_0.gguf', 'm-Q4_K_M.gguf', exact, shared) })
  })
  afterEach(() => rm(cache, { recursive: true, force: true }))

  const settings = (more: ResolveOptions = {}): ResolveOptions => ({
    env: { HF_ENDPOINT: hub.url, HF_HUB_CACHE: cache, HF_HOME: join(cache, 'none') },
    internals: { retryMs: 1 },
    ...more,
  })
  const pull = (text: string, modelPath?: string, more?: ResolveOptions) =>
    resolveMadeFile(kind, parseMadeFileReference(kind, text, {})!, modelPath, settings(more))
  const nameOf = async (text: string, modelPath?: string, more?: ResolveOptions) =>
    nameIn((await pull(text, modelPath, more)).path)

  test.each([
    ['the only one', 'hf:user/one', undefined, `any.${kind}.gguf`],
    ['the one of the very file', 'hf:user/more', '/x/m-Q8_0.gguf', exact],
    ['the one of all quantisations', 'hf:user/more', '/x/m-Q4_K_M.gguf', shared],
    ['the one that is named', `hf:user/more:m.${kind}.gguf`, '/x/m-Q8_0.gguf', shared],
    ['the model’s, in a folder', 'hf:user/more', '/x/other-Q4_K_M.gguf', `q/other.${kind}.gguf`],
    ['one in a folder', `hf:user/more/q/other.${kind}.gguf`, undefined, `q/other.${kind}.gguf`],
  ])('%s', async (_what, text, model, name) => {
    expect(await nameOf(text, model)).toBe(name)
    const requests = hub.log.length
    expect(await nameOf(text, model, { offline: true })).toBe(name)
    expect(hub.log).toHaveLength(requests)
  })

  test.each([
    [
      'several, none of them the model’s',
      'hf:user/more',
      '/x/else.gguf',
      new RegExp(`several ${kind}s.*hf:user/more/m-Q8_0.${kind}`),
    ],
    [
      'a file that is not there',
      `hf:user/one:none.${kind}.gguf`,
      undefined,
      new RegExp(`user/one@main has no file none.${kind}`),
    ],
    ['none at all', 'hf:user/none', undefined, new RegExp(`has no \\*\\.${kind}\\.gguf`)],
  ])('%s', async (_what, text, model, message) => {
    hub.repos.set('user/none', { commit: first, files: files('m.gguf') })
    await expect(pull(text, model)).rejects.toThrow(
      expect.objectContaining({ code: `${kind}_not_found`, message: expect.stringMatching(message) as string }),
    )
  })

  test('not in the cache, and no network allowed', async () => {
    await expect(pull('hf:user/one', undefined, { offline: true })).rejects.toThrow(
      expect.objectContaining({
        code: 'offline',
        message: expect.stringContaining(`a ${kind} of user/one`) as string,
      }),
    )
    expect(hub.log).toEqual([])
  })

  test('what the cache has of several is not taken for all', async () => {
    expect(await nameOf('hf:user/more', '/x/m-Q8_0.gguf')).toBe(exact)
    expect(await nameOf('hf:user/more', '/x/m-Q4_K_M.gguf')).toBe(shared)
    await expect(pull('hf:user/more', '/x/else.gguf')).rejects.toThrow(`several ${kind}s`)
  })

  test('a newer version comes when it is asked for, and the old one stays where there is no network', async () => {
    await pull('hf:user/one')
    hub.repos.set('user/one', { commit: second, files: files(`new.${kind}.gguf`) })
    expect(await nameOf('hf:user/one', '/x/any.gguf')).toBe(`any.${kind}.gguf`)
    hub.hubFault = (_request, response) => {
      fail(response, 503)
      return true
    }
    expect(await nameOf('hf:user/one', undefined, { refresh: true })).toBe(`any.${kind}.gguf`)
    hub.hubFault = () => false
    expect(await nameOf('hf:user/one', undefined, { refresh: true })).toBe(`new.${kind}.gguf`)
  })

  test('one beside a model comes with it, and is no model', async () => {
    for (const [quant, name] of [
      ['Q8_0', exact],
      ['Q4_K_M', shared],
    ] as const) {
      const { path, paths } = await resolveModel(`user/models:${quant}`, settings())
      expect(paths).toEqual([path])
      expect(await nameIn(path)).toBe(`m-${quant}.gguf`)
      expect(await nameIn(join(path, '..', name))).toBe(name)
    }
    expect((await listCachedModels(cache)).map(({ quant }) => quant)).toEqual(['Q4_K_M', 'Q8_0'])
  })
})

test('a predictor and a calibration come with their model, in one download', async () => {
  const hub = await FakeHub.start()
  const cache = await mkdtemp(join(tmpdir(), 'dynts-made-'))
  const names = ['m-Q8_0.gguf', 'm.predictor.gguf', 'm-Q8_0.calibration.gguf', 'm-Q4_0.calibration.gguf']
  const files = Object.fromEntries(names.map((name) => [name, Buffer.from(`GGUF\x03\0\0\0${name}`)]))
  hub.repos.set('user/m', { commit: 'c0ffee00'.repeat(5), files })
  try {
    const env = { HF_ENDPOINT: hub.url, HF_HUB_CACHE: cache, HF_HOME: join(cache, 'none') }
    const { path, paths } = await resolveModel('user/m:Q8_0', { env, internals: { retryMs: 1 } })
    expect(paths).toEqual([path])
    expect((await readdir(dirname(path))).sort()).toEqual([names[2], names[0], names[1]])
  } finally {
    await hub.stop()
    await rm(cache, { recursive: true })
  }
})
