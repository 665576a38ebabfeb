import { lstat, mkdir, mkdtemp, readFile, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { findCachedModel, linkSnapshotFile, listCachedModels, writeRevision } from './hub-cache.ts'
import { hubCacheFolder, hubEndpoint, hubToken, isOffline } from './hub-settings.ts'
import { nameOf } from './model-name.ts'
import { parseReference } from './reference.ts'
import type { HubReference } from './reference.ts'
import { removeCachedModel, removePartialDownloads } from './remove-cached.ts'
import { resolveModel } from './resolve.ts'

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

describe('what is not the cache’s', () => {
  let home: string
  const mine = () => join(home, 'mine.gguf')
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'dynts-home-'))
    await writeFile(mine(), 'my own')
    await writeFile(join(home, 'main'), 'notes')
  })
  afterEach(() => rm(home, { recursive: true, force: true }))
  const isUntouched = async () => {
    expect((await readdir(home)).sort()).toEqual(['main', 'mine.gguf'])
    expect(await readFile(mine(), 'utf8')).toBe('my own')
    expect(await readFile(join(home, 'main'), 'utf8')).toBe('notes')
  }
  /** Puts a link into a snapshot. */
  const link = async (target: string, path: string, commit = OLD) => {
    const location = folder('snapshots', commit, path)
    await mkdir(dirname(location), { recursive: true })
    await symlink(target, location)
  }
  const removeNamed = async (text: string) => removeCachedModel(cache, (await findCachedModel(cache, reference(text)))!)

  test('a link that leads elsewhere goes, its target stays', async () => {
    await link(mine(), 'a-Q4_0.gguf')
    await put(OLD, 'a-Q8_0.gguf', 'h1')
    await writeRevision(cache, 'user/repo', 'main', OLD)
    expect(await removeNamed('user/repo:Q4_0')).toBe(0)
    await isUntouched()
    expect(await readdir(folder('snapshots', OLD))).toEqual(['a-Q8_0.gguf'])
    expect(await removeNamed('user/repo:Q8_0')).toBe(2)
    await isUntouched()
    expect(await readdir(cache)).toEqual([])
  })
  test('a blob that is a link goes, its target stays', async () => {
    await put(OLD, 'a-Q4_0.gguf', 'h1')
    await rm(folder('blobs', 'h1'))
    await symlink(mine(), folder('blobs', 'h1'))
    expect(await removeNamed(`user/repo@${OLD}`)).toBe(0)
    await isUntouched()
    expect(await readdir(cache)).toEqual([])
  })
  test('a blob of another repository stays', async () => {
    const other = join(cache, 'models--user--other', 'blobs')
    await mkdir(other, { recursive: true })
    await writeFile(join(other, 'h9'), 'theirs')
    await link(join('..', '..', '..', 'models--user--other', 'blobs', 'h9'), 'a-Q4_0.gguf')
    await removeNamed(`user/repo@${OLD}`)
    expect(await readFile(join(other, 'h9'), 'utf8')).toBe('theirs')
  })
  test('a link that leaves the blobs again, or comes to them by another link', async () => {
    await put(OLD, 'a-Q2_K.gguf', 'h1')
    await symlink(home, folder('home'))
    await link('../../blobs/../home/mine.gguf', 'b-Q8_0.gguf')
    await link(`../../home/../${basename(cache)}/models--user--repo/blobs/h1`, 'c-Q4_0.gguf')
    expect(await removeNamed(`user/repo@${OLD}:Q8_0`)).toBe(0)
    expect(await removeNamed(`user/repo@${OLD}:Q2_K`)).toBe(0)
    await isUntouched()
    expect(await readFile(folder('snapshots', OLD, 'c-Q4_0.gguf'), 'utf8')).toBe('h1')
    expect(await removeNamed(`user/repo@${OLD}:Q4_0`)).toBe(2)
  })
  test('blobs, snapshots, a snapshot or refs that are links to folders are not followed', async () => {
    await mkdir(folder('snapshots'), { recursive: true })
    await symlink(home, folder('blobs'))
    await symlink(home, folder('refs'))
    await symlink(home, folder('snapshots', NEW))
    await link(join('..', '..', 'blobs', 'mine.gguf'), 'a-Q4_0.gguf')
    await link(home, 'dir')
    await writeFile(join(home, 'part.incomplete'), 'x')
    expect(await removePartialDownloads(cache, 'user/repo')).toBe(0)
    await rm(join(home, 'part.incomplete'))
    expect(await listCachedModels(cache)).toMatchObject([
      { commit: OLD, files: [{ path: 'a-Q4_0.gguf', blob: undefined }] },
    ])
    expect(await removeNamed(`user/repo@${OLD}`)).toBe(0)
    await isUntouched()
  })
  test('a repository’s folder that is a link, e.g. to another disk, is used', async () => {
    await put(OLD, 'a-Q4_0.gguf', 'h1')
    const disk = join(home, 'disk')
    await rename(folder(), disk)
    await symlink(disk, folder())
    expect(await removeNamed(`user/repo@${OLD}`)).toBe(2)
    await rm(disk, { recursive: true, force: true })
    await isUntouched()
  })
  test('what else lies in the repository’s folder stays', async () => {
    await put(OLD, 'a-Q4_0.gguf', 'h1')
    await writeFile(folder('notes.txt'), 'mine')
    await removeNamed(`user/repo@${OLD}`)
    expect(await readdir(folder())).toEqual(['notes.txt'])
  })
  test('dangling links and refs do not matter', async () => {
    await put(OLD, 'a-Q4_0.gguf', 'h1')
    await link('nowhere', 'b-Q8_0.gguf')
    await writeRevision(cache, 'user/repo', 'main', OLD)
    await symlink('nowhere', folder('refs', 'gone'))
    await mkdir(folder('refs', 'empty'))
    await symlink(home, folder('refs', 'folder'))
    await writeFile(folder('refs', 'odd'), '../../../..')
    expect(await listCachedModels(cache)).toMatchObject([{ quant: 'Q4_0', revisions: ['main'] }])
    expect(await findCachedModel(cache, reference('user/repo@odd'))).toBeUndefined()
    expect(await removeNamed('user/repo')).toBe(2)
    await isUntouched()
    expect(await readdir(folder('snapshots', OLD))).toEqual(['b-Q8_0.gguf'])
    expect(await readFile(folder('refs', 'main'), 'utf8')).toBe(OLD)
  })
  test('one blob under two names goes with the second', async () => {
    await put(OLD, 'a-Q4_0.gguf', 'h1')
    await link(join('..', '..', 'blobs', 'h1'), 'copy-Q8_0.gguf')
    expect(await removeNamed(`user/repo@${OLD}:Q4_0`)).toBe(0)
    expect(await readFile(folder('snapshots', OLD, 'copy-Q8_0.gguf'), 'utf8')).toBe('h1')
    expect(await removeNamed(`user/repo@${OLD}:Q8_0`)).toBe(2)
    expect(await readdir(cache)).toEqual([])
  })
  test('a download does not write through a link', async () => {
    await mkdir(folder('snapshots'), { recursive: true })
    await symlink(home, folder('snapshots', OLD))
    const file = { repo: 'user/repo', commit: OLD, path: 'mine.gguf', hash: 'h1' }
    const refusal = expect.objectContaining({ code: 'cache_link' }) as Error
    await expect(linkSnapshotFile(cache, file)).rejects.toThrow(refusal)
    await expect(linkSnapshotFile(cache, { ...file, path: 'dir/x.gguf' })).rejects.toThrow(refusal)
    await symlink(home, folder('refs'))
    await expect(writeRevision(cache, 'user/repo', 'main', OLD)).rejects.toThrow(refusal)
    await rm(folder('refs'))
    await mkdir(folder('refs'))
    await symlink(join(home, 'main'), folder('refs', 'main'))
    await writeRevision(cache, 'user/repo', 'main', OLD)
    expect(await readFile(folder('refs', 'main'), 'utf8')).toBe(OLD)
    await isUntouched()
  })
})

describe('names of what is in the cache', () => {
  const listed = async () => {
    const models = await listCachedModels(cache)
    return models.map((model) => ({ name: nameOf(model, models), location: model.files[0]!.location }))
  }
  const offline = (text: string) =>
    resolveModel(reference(text), { offline: true, env: { HF_HUB_CACHE: cache, HF_HOME: cache } })
  const everyNameIsFound = async () => {
    for (const { name, location } of await listed()) expect((await offline(name)).path).toBe(location)
  }
  const SAME = `${OLD.slice(0, 39)}b`

  test.each<[string, () => Promise<unknown>, string[]]>([
    ['no refs', () => put(OLD, 'a-Q4_0.gguf', 'h1'), ['user/repo@aaaaaaaa:Q4_0']],
    [
      'main moved on',
      async () => {
        await put(OLD, 'a-Q4_0.gguf', 'h1')
        await put(NEW, 'config.json', 'h2')
        await writeRevision(cache, 'user/repo', 'main', NEW)
      },
      ['user/repo@aaaaaaaa:Q4_0'],
    ],
    [
      'main at a commit that is not there',
      async () => {
        await put(OLD, 'a-Q4_0.gguf', 'h1')
        await writeRevision(cache, 'user/repo', 'main', NEW)
      },
      ['user/repo@aaaaaaaa:Q4_0'],
    ],
    [
      'commits that begin alike',
      async () => {
        await put(OLD, 'a-Q4_0.gguf', 'h1')
        await put(SAME, 'a-Q4_0.gguf', 'h2')
      },
      [`user/repo@${OLD}:Q4_0`, `user/repo@${SAME}:Q4_0`],
    ],
    [
      'a branch that is named as a commit begins',
      async () => {
        await put(OLD, 'a-Q4_0.gguf', 'h1')
        await put(NEW, 'a-Q4_0.gguf', 'h2')
        await writeRevision(cache, 'user/repo', 'aaaaaaaa', NEW)
      },
      [`user/repo@${OLD}:Q4_0`, 'user/repo@aaaaaaaa:Q4_0'],
    ],
    [
      'a branch with slashes, and one whose name cannot be given',
      async () => {
        await put(OLD, 'a-Q4_0.gguf', 'h1')
        await writeRevision(cache, 'user/repo', '-odd name', OLD)
        await writeRevision(cache, 'user/repo', 'refs/pr/1', OLD)
      },
      ['user/repo@refs%2Fpr%2F1:Q4_0'],
    ],
    ['a snapshot that is no commit', () => put('local', 'a-Q4_0.gguf', 'h1'), ['user/repo@local:Q4_0']],
    [
      'two files of one quant',
      async () => {
        await put(OLD, 'a-Q4_0.gguf', 'h1')
        await put(OLD, 'dir/b-Q4_0.gguf', 'h2')
      },
      ['user/repo@aaaaaaaa:Q4_0', 'hf:user/repo@aaaaaaaa/dir/b-Q4_0.gguf'],
    ],
  ])('%s: each is found without a network', async (_, fill, names) => {
    await fill()
    expect((await listed()).map(({ name }) => name)).toEqual(names)
    await everyNameIsFound()
  })

  test('where the revision moved on, or is missing, the one that there is is named', async () => {
    await put(OLD, 'a-Q4_0.gguf', 'h1')
    const refusal = (name: string) =>
      expect.objectContaining({
        code: 'offline',
        message: expect.stringContaining(`The cache has it at another revision: name ${name}.`) as string,
      }) as Error
    await expect(offline('user/repo:Q4_0')).rejects.toThrow(refusal('user/repo@aaaaaaaa:Q4_0'))
    await put(NEW, 'a-Q8_0.gguf', 'h2')
    await writeRevision(cache, 'user/repo', 'main', NEW)
    for (const text of ['user/repo:Q4_0', 'hf:user/repo/a-Q4_0.gguf', 'user/repo@v2:Q4_0']) {
      await expect(offline(text)).rejects.toThrow(refusal('user/repo@aaaaaaaa:Q4_0'))
    }
    await expect(offline('user/repo@v2')).rejects.toThrow(refusal('user/repo@aaaaaaaa:Q4_0 or user/repo:Q8_0'))
    await expect(offline('user/repo:Q2_K')).rejects.not.toThrow(/another revision/)
    const online = resolveModel(reference('user/repo:Q4_0'), {
      env: { HF_HUB_CACHE: cache, HF_HOME: cache, HF_ENDPOINT: 'http://127.0.0.1:1' },
    })
    await expect(online).rejects.toThrow(/cannot be reached .*name user\/repo@aaaaaaaa:Q4_0/)
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
