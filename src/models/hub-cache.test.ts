import { lstat, mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  findCachedModel,
  linkSnapshotFile,
  listCachedModels,
  removeCachedModel,
  removePartialDownloads,
  writeRevision,
} from './hub-cache.ts'
import { hubCacheFolder, hubEndpoint, hubToken, isOffline } from './hub-settings.ts'
import { parseReference } from './reference.ts'
import type { HubReference } from './reference.ts'

const OLD = 'a'.repeat(40)
const NEW = 'b'.repeat(40)
let cache: string
beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), 'dynts-cache-'))
})
afterEach(() => rm(cache, { recursive: true, force: true }))

const folder = (...path: string[]) => join(cache, 'models--user--repo', ...path)
const reference = (text: string) => parseReference(text, { exists: () => false }) as HubReference

/** Puts a file into the cache as Python does. */
async function put(commit: string, path: string, hash: string, content = hash) {
  await mkdir(folder('blobs'), { recursive: true })
  await writeFile(folder('blobs', hash), content)
  const location = folder('snapshots', commit, path)
  await mkdir(dirname(location), { recursive: true })
  const up = path.split('/').map(() => '..')
  await symlink(join('..', ...up, 'blobs', hash), location)
}

describe('looking up', () => {
  test('a file that Python downloaded is found', async () => {
    await put(OLD, 'a-Q4_0.gguf', 'h1')
    await writeRevision(cache, 'user/repo', 'main', OLD)
    const model = await findCachedModel(cache, reference('user/repo:Q4_0'))
    expect(model).toMatchObject({ commit: OLD, quant: 'Q4_0', bytes: 2 })
    expect(model?.files[0]).toMatchObject({
      location: folder('snapshots', OLD, 'a-Q4_0.gguf'),
      blob: folder('blobs', 'h1'),
    })
  })
  test('by tag, nested branch, commit, and the beginning of a commit', async () => {
    await put(OLD, 'a-Q4_0.gguf', 'h1')
    await writeRevision(cache, 'user/repo', 'refs/pr/1', OLD)
    for (const revision of ['refs/pr/1', OLD, OLD.slice(0, 8)]) {
      expect(await findCachedModel(cache, reference(`user/repo@${revision}`))).toMatchObject({ commit: OLD })
    }
    expect(await findCachedModel(cache, reference('user/repo'))).toBeUndefined()
  })
  test('a link to a blob that is gone, or a part that is missing, is no model', async () => {
    await put(OLD, 'a-Q4_0.gguf', 'h1')
    await put(OLD, 'b-Q8_0-00001-of-00002.gguf', 'h2')
    await rm(folder('blobs', 'h1'))
    await writeRevision(cache, 'user/repo', 'main', OLD)
    expect(await findCachedModel(cache, reference('user/repo'))).toBeUndefined()
    expect(await listCachedModels(cache)).toEqual([])
  })
})

test('the list groups parts and leaves out what is no model', async () => {
  await put(NEW, 'Q8_0/b-Q8_0-00001-of-00002.gguf', 'h1')
  await put(NEW, 'Q8_0/b-Q8_0-00002-of-00002.gguf', 'h2')
  await put(NEW, 'mmproj-F16.gguf', 'h3')
  await put(NEW, 'config.json', 'h4')
  await put(OLD, 'a-Q4_0.gguf', 'h5')
  await writeRevision(cache, 'user/repo', 'main', NEW)
  await mkdir(join(cache, 'datasets--user--data'))
  expect(await listCachedModels(cache)).toMatchObject([
    { repo: 'user/repo', commit: OLD, revisions: [], quant: 'Q4_0', bytes: 2 },
    { repo: 'user/repo', commit: NEW, revisions: ['main'], quant: 'Q8_0', bytes: 4 },
  ])
  expect(await listCachedModels(join(cache, 'none'))).toEqual([])
})

describe('removing', () => {
  test('blobs that another snapshot needs stay', async () => {
    await put(OLD, 'a-Q4_0.gguf', 'h1')
    await rm(folder('blobs', 'h1'))
    await put(NEW, 'a-Q4_0.gguf', 'h1')
    const model = await findCachedModel(cache, reference(`user/repo@${OLD}`))
    expect(await removeCachedModel(cache, model!)).toBe(0)
    expect(await readdir(folder('snapshots'))).toEqual([NEW])
    expect(await readFile(folder('snapshots', NEW, 'a-Q4_0.gguf'), 'utf8')).toBe('h1')
  })
  test('other files of the snapshot stay', async () => {
    await put(OLD, 'dir/a-Q4_0.gguf', 'h1')
    await put(OLD, 'config.json', 'h2')
    await writeRevision(cache, 'user/repo', 'main', OLD)
    const model = await findCachedModel(cache, reference('user/repo'))
    expect(await removeCachedModel(cache, model!)).toBe(2)
    expect(await readdir(folder('blobs'))).toEqual(['h2'])
    expect(await readdir(folder('snapshots', OLD))).toEqual(['config.json'])
    expect(await readFile(folder('refs', 'main'), 'utf8')).toBe(OLD)
  })
  test('the last model takes its folder with it', async () => {
    await put(OLD, 'a-Q4_0.gguf', 'h1')
    await writeRevision(cache, 'user/repo', 'main', OLD)
    await removeCachedModel(cache, (await findCachedModel(cache, reference('user/repo')))!)
    expect(await readdir(cache)).toEqual([])
  })
  test('partial downloads', async () => {
    await put(OLD, 'a-Q4_0.gguf', 'h1')
    await writeFile(folder('blobs', 'h2.incomplete'), 'abc')
    expect(await removePartialDownloads(cache, 'user/repo')).toBe(3)
    expect(await readdir(folder('blobs'))).toEqual(['h1'])
  })
})

test('where links are impossible the blob is moved', async () => {
  await mkdir(folder('blobs'), { recursive: true })
  await writeFile(folder('blobs', 'h1'), 'content')
  const refuse = () => Promise.reject(Object.assign(new Error('not permitted'), { code: 'EPERM' }))
  const file = { repo: 'user/repo', commit: OLD, path: 'a-Q4_0.gguf', hash: 'h1' }
  const location = await linkSnapshotFile(cache, file, refuse)
  expect((await lstat(location)).isFile()).toBe(true)
  expect(await readdir(folder('blobs'))).toEqual([])
  const model = await findCachedModel(cache, reference(`user/repo@${OLD}`))
  expect(await removeCachedModel(cache, model!)).toBe(7)
})

test('a link cannot leave the cache', async () => {
  for (const path of ['../../x', '/x', 'a/../../x', '..\\x']) {
    await expect(linkSnapshotFile(cache, { repo: 'user/repo', commit: OLD, path, hash: 'h1' })).rejects.toThrow(
      /unsafe/,
    )
  }
})

describe('the environment', () => {
  test('where the cache is', () => {
    expect(hubCacheFolder({})).toBe(join(homedir(), '.cache', 'huggingface', 'hub'))
    expect(hubCacheFolder({ XDG_CACHE_HOME: '/x' })).toBe('/x/huggingface/hub')
    expect(hubCacheFolder({ HF_HOME: '~/hf', XDG_CACHE_HOME: '/x' })).toBe(join(homedir(), 'hf', 'hub'))
    expect(hubCacheFolder({ HF_HUB_CACHE: '/c', HF_HOME: '/h' })).toBe('/c')
    expect(hubCacheFolder({ HF_HUB_CACHE: '' })).toBe(hubCacheFolder({}))
  })
  test('whether the network may be used', () => {
    expect([{}, { HF_HUB_OFFLINE: '0' }, { HF_HUB_OFFLINE: '1' }, { HF_HUB_OFFLINE: 'true' }].map(isOffline)).toEqual([
      false,
      false,
      true,
      true,
    ])
  })
  test('which server and whose token', async () => {
    expect(hubEndpoint({})).toBe('https://huggingface.co')
    expect(hubEndpoint({ HF_ENDPOINT: 'https://mirror.example/hf/' })).toBe('https://mirror.example/hf')
    expect(() => hubEndpoint({ HF_ENDPOINT: 'mirror' })).toThrow(/https/)
    expect(await hubToken({ HF_TOKEN: ' t ', HF_HOME: cache })).toBe('t')
    expect(await hubToken({ HF_HOME: cache })).toBeUndefined()
    expect(await hubToken({ HF_TOKEN: 'eyJhbGciOi.J9.x-_~+/==' })).toBe('eyJhbGciOi.J9.x-_~+/==')
    expect(await hubToken({ HF_TOKEN: ' ', HUGGING_FACE_HUB_TOKEN: 'old\r\n' })).toBe('old')
  })
  test.each([
    'https://user:secret@hub.example',
    'https://',
    'https://a b',
    'https://hub.example/?token=secret',
    'ftp://a',
  ])('the server %s is refused', (endpoint) => {
    expect(() => hubEndpoint({ HF_ENDPOINT: endpoint })).toThrow(/^HF_ENDPOINT (is|must not)/)
  })

  const notTokens: [string, string, RegExp][] = [
    ['a line break', 'hf_abc\ndef', /a line break/],
    ['two lines with CR LF', 'hf_abc\r\nhf_def', /a line break/],
    ['a line separator', 'hf_abc\u2028def', /a line break/],
    ['typographic quotes', '\u201chf_abc\u201d', /a quote/],
    ['a German quote', '\u201ehf_abc\u201c', /a quote/],
    ['straight quotes', '"hf_abc"', /a quote/],
    ['single quotes', "'hf_abc'", /a quote/],
    ['a space', 'hf_abc def', /a space/],
    ['a no-break space', 'hf_abc\u00a0def', /a space/],
    ['a tab', 'hf_abc\tdef', /a space/],
    ['the word Bearer', 'Bearer hf_abc', /"Bearer"/],
    ['the word bearer', 'bearer: hf_abc', /"Bearer"/],
    ['a letter that is not ASCII', 'hf_\u00e4bc', /no token has/],
    ['a zero-width space', 'hf_abc\u200bdef', /no token has/],
    ['a NUL', 'hf_abc\u0000', /no token has/],
    ['an assignment', 'HF_TOKEN=hf_abc', /no token has/],
  ]
  test.each(notTokens)(
    'a token with %s: HF_TOKEN or the file is named, and nothing is shown',
    async (_, text, flaw) => {
      const refusal = (holder: string) =>
        expect.objectContaining({
          name: 'InputError',
          code: 'hub_token',
          message: expect.stringContaining(holder) as string,
        }) as Error
      for (const name of ['HF_TOKEN', 'HUGGING_FACE_HUB_TOKEN']) {
        const asked = hubToken({ [name]: text, HF_HOME: cache })
        await expect(asked).rejects.toThrow(refusal(`${name} holds no access token`))
        await expect(asked).rejects.toThrow(flaw)
        await expect(asked).rejects.not.toThrow(/abc/)
      }
      const path = join(cache, 'token')
      await writeFile(path, text)
      await expect(hubToken({ HF_HOME: cache })).rejects.toThrow(refusal(path))
      await expect(hubToken({ HF_TOKEN_PATH: path })).rejects.toThrow(refusal(path))
    },
  )
  test('a token file that cannot be read is named', async () => {
    await expect(hubToken({ HF_TOKEN_PATH: cache })).rejects.toThrow(
      /token, .*dynts-cache-.*, cannot be read \(EISDIR\)/,
    )
  })
})
