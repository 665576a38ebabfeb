import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { FakeHub, fail } from '../../test/support/hub-server.ts'
import { resolveDatasetFile } from './dataset.ts'
import { listCachedModels } from './hub-cache.ts'
import { resolveModel, type ResolveOptions } from './resolve.ts'

const COMMIT = 'c0ffee00'.repeat(5)
const LATER = 'decade00'.repeat(5)
const QUESTIONS = Buffer.from('{"question": "1 + 1", "answer": "2"}\n')
const PARQUET = randomBytes(5000)

let hub: FakeHub
let cache: string
beforeAll(async () => {
  hub = await FakeHub.start()
})
afterAll(() => hub.stop())
beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), 'dynts-dataset-'))
  hub.log.length = 0
  hub.hubFault = () => false
  hub.repos.clear()
  hub.repos.set('datasets/user/math', {
    commit: COMMIT,
    files: { 'test.jsonl': QUESTIONS, 'main/test-00000-of-00001.parquet': PARQUET },
  })
})
afterEach(() => rm(cache, { recursive: true, force: true }))

const env = (more: Record<string, string> = {}) => ({
  HF_ENDPOINT: hub.url,
  HF_HUB_CACHE: cache,
  HF_HOME: join(cache, 'none'),
  ...more,
})
const pull = (file: string, revision = 'main', options: ResolveOptions = {}) =>
  resolveDatasetFile({ repo: 'user/math', revision, file }, { env: env(), internals: { retryMs: 1 }, ...options })
const folder = (...path: string[]) => join(cache, 'datasets--user--math', ...path)

describe('a file of a dataset', () => {
  test('lies in the cache where Python looks for it', async () => {
    const found = await pull('main/test-00000-of-00001.parquet')
    expect(found).toEqual({
      path: folder('snapshots', COMMIT, 'main', 'test-00000-of-00001.parquet'),
      commit: COMMIT,
      source: 'download',
    })
    expect((await readFile(found.path)).equals(PARQUET)).toBe(true)
    expect(await readFile(folder('refs', 'main'), 'utf8')).toBe(COMMIT)
    expect(await readdir(folder('blobs'))).toHaveLength(1)
    expect(hub.log.filter((line) => line.startsWith('hub'))).toEqual([
      'hub GET /api/datasets/user/math/revision/main',
      `hub GET /api/datasets/user/math/tree/${COMMIT}`,
      `hub GET /datasets/user/math/resolve/${COMMIT}/main/test-00000-of-00001.parquet`,
    ])
  })

  test('needs no network the second time, whether a branch or a commit is asked for', async () => {
    await pull('test.jsonl')
    hub.log.length = 0
    expect(await pull('test.jsonl')).toMatchObject({ source: 'cache', commit: COMMIT })
    expect(await pull('test.jsonl', COMMIT, { offline: true })).toMatchObject({ source: 'cache', commit: COMMIT })
    expect(hub.log).toEqual([])
  })

  test('a branch moves only when a refresh is asked for', async () => {
    await pull('test.jsonl')
    hub.repos.set('datasets/user/math', { commit: LATER, files: { 'test.jsonl': Buffer.from('new\n') } })
    expect((await pull('test.jsonl')).commit).toBe(COMMIT)
    const moved = await pull('test.jsonl', 'main', { refresh: true })
    expect(moved.commit).toBe(LATER)
    expect(await readFile(moved.path, 'utf8')).toBe('new\n')
    expect(await readFile((await pull('test.jsonl', COMMIT)).path, 'utf8')).toBe(QUESTIONS.toString())
  })

  test('is no model, and a model of the same name is another repository', async () => {
    await pull('test.jsonl')
    expect(await listCachedModels(cache)).toEqual([])
    hub.repos.set('user/math', { commit: LATER, files: { 'a-Q4_0.gguf': randomBytes(10) } })
    const model = await resolveModel('user/math', { env: env(), internals: { retryMs: 1 } })
    expect(model).toMatchObject({
      commit: LATER,
      path: join(cache, 'models--user--math', 'snapshots', LATER, 'a-Q4_0.gguf'),
    })
  })
})

describe('what goes wrong', () => {
  test.each([
    ['a file that is not there', 'file_not_found', /no file other\.jsonl/, () => pull('other.jsonl')],
    ['a revision that is not there', 'model_not_found', /no revision v9/, () => pull('test.jsonl', 'v9')],
    ['no network allowed', 'offline', /`file`/, () => pull('test.jsonl', 'main', { offline: true })],
  ] as const)('%s', async (_, code, message, act) => {
    await expect(act()).rejects.toMatchObject({ code, message: expect.stringMatching(message) as string })
  })

  test('a gated dataset: the message says where to accept its licence', async () => {
    hub.hubFault = (_, response) => {
      fail(response, 403, 'GatedRepo')
      return true
    }
    await expect(pull('test.jsonl')).rejects.toMatchObject({
      code: 'model_access',
      message: expect.stringContaining(`${hub.url}/datasets/user/math`) as string,
    })
  })
})
