import { randomBytes } from 'node:crypto'
import { statSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, readdir, readlink, rm, utimes, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { FakeHub, fail, gitSha1, sha256 } from '../../test/support/hub-server.ts'
import type { DownloadProgress } from './progress-meter.ts'
import { realDisk } from './partial-file.ts'
import type { Disk } from './partial-file.ts'
import { resolveModel } from './resolve.ts'
import type { ResolveOptions } from './resolve.ts'

const COMMIT = 'c0ffee00'.repeat(5)
const FILE = 'model-Q4_K_M.gguf'
const SIZE = 400_000
const BYTES = randomBytes(SIZE)
const HASH = sha256(BYTES)
const PARTS = [randomBytes(1000), randomBytes(2000), randomBytes(3000)]

let hub: FakeHub
let cache: string
beforeAll(async () => {
  hub = await FakeHub.start()
})
afterAll(() => hub.stop())
beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), 'dynts-hub-'))
  hub.log.length = 0
  hub.contentTokens.length = 0
  hub.hubFault = () => false
  hub.contentFault = () => false
  hub.repos.set('user/repo', {
    commit: COMMIT,
    files: { [FILE]: BYTES, 'model-Q8_0.gguf': randomBytes(10), 'README.md': Buffer.from('text') },
  })
  const name = (part: number) => `Q8_0/big-Q8_0-0000${part + 1}-of-00003.gguf`
  hub.repos.set('user/split', {
    commit: COMMIT,
    files: Object.fromEntries(PARTS.map((bytes, part) => [name(part), bytes])),
  })
})
afterEach(() => rm(cache, { recursive: true, force: true }))

interface Settings extends Omit<ResolveOptions, 'env'> {
  readonly env?: Record<string, string>
  readonly disk?: Disk
  readonly stallMs?: number
}
const pull = (reference: string, { disk, stallMs, env, ...options }: Settings = {}) =>
  resolveModel(reference, {
    ...options,
    env: { HF_ENDPOINT: hub.url, HF_HUB_CACHE: cache, HF_HOME: join(cache, 'none'), ...env },
    internals: { retryMs: 1, disk, stallMs },
  })
const repo = (...path: string[]) => join(cache, 'models--user--repo', ...path)
const incomplete = () => repo('blobs', `${HASH}.incomplete`)
// Comparing large buffers element by element takes a second.
const hashOf = async (path: string) => sha256(await readFile(path))
const contentRequests = () => hub.log.filter((line) => line.startsWith('content'))
const failure = (name: string, code: string, message: RegExp) =>
  expect.objectContaining({ name, code, message: expect.stringMatching(message) as string }) as Error

async function until(what: () => boolean): Promise<void> {
  while (!what()) await sleep(2)
}
/** Until so many bytes are on the disk: what is only on its way may be lost with the connection. */
const untilKept = (bytes: number) => until(() => statSync(incomplete(), { throwIfNoEntry: false })?.size === bytes)

/** Sends the first `count` bytes that were asked for and cuts the connection, `times` times. */
function cutAfter(count: number, times = 1) {
  let left = times
  hub.contentFault = (request, response) => {
    if (left-- <= 0) return false
    const start = Number(/\d+/.exec(request.headers.range ?? '0')?.[0])
    const status = start > 0 ? 206 : 200
    const range = start > 0 ? { 'content-range': `bytes ${start}-${SIZE - 1}/${SIZE}` } : {}
    response.writeHead(status, { 'content-length': SIZE - start, ...range })
    response.write(BYTES.subarray(start, start + count))
    void untilKept(start + count).then(() => response.destroy())
    return true
  }
}

describe('a whole download', () => {
  test('the cache looks as Python makes it', async () => {
    const model = await pull('user/repo:Q4_K_M')
    expect(model).toMatchObject({ source: 'download', name: 'user/repo:Q4_K_M', commit: COMMIT })
    expect(model.path).toBe(repo('snapshots', COMMIT, FILE))
    expect(await hashOf(model.path)).toBe(HASH)
    expect(await readlink(model.path)).toBe(join('..', '..', 'blobs', HASH))
    expect(await readFile(repo('refs', 'main'), 'utf8')).toBe(COMMIT)
    expect(await readdir(repo('blobs'))).toEqual([HASH])
    expect(await readdir(join(cache, '.locks', 'models--user--repo'))).toEqual([])
  })

  test('a second time needs no network, a refresh fetches no content', async () => {
    await pull('user/repo')
    hub.log.length = 0
    expect((await pull('user/repo')).source).toBe('cache')
    expect(hub.log).toEqual([])
    expect((await pull('user/repo', { refresh: true })).source).toBe('download')
    expect(contentRequests()).toEqual([])
  })

  test('all parts of a split model', async () => {
    const progress: DownloadProgress[] = []
    const model = await pull('user/split', { onProgress: (event) => progress.push(event) })
    expect(model.paths).toHaveLength(3)
    expect(await Promise.all(model.paths.map((path) => readFile(path)))).toEqual(PARTS)
    expect(await readlink(model.path)).toBe(join('..', '..', '..', 'blobs', sha256(PARTS[0]!)))
    expect(progress.at(-1)).toMatchObject({ state: 'complete', receivedBytes: 6000, totalBytes: 6000 })
  })

  test('a file by its address', async () => {
    const model = await pull(`${hub.url}/user/repo/blob/main/model-Q8_0.gguf`)
    expect(model.name).toBe('user/repo/model-Q8_0.gguf')
  })

  test('a small file that is not in LFS is verified by its Git hash', async () => {
    const bytes = Buffer.from('GGUF small')
    hub.repos.set('user/repo', { commit: COMMIT, files: { 'a.GGUF': bytes } })
    const model = await pull('user/repo')
    expect(await readFile(repo('blobs', gitSha1(bytes)))).toEqual(bytes)
    expect(await readFile(model.path)).toEqual(bytes)
  })

  test('the token goes to the Hub only', async () => {
    const seen: (string | undefined)[] = []
    hub.hubFault = (request) => {
      seen.push(request.headers.authorization)
      return false
    }
    await pull('user/repo', { env: { HF_TOKEN: 'secret' } })
    expect(new Set(seen)).toEqual(new Set(['Bearer secret']))
    expect(hub.contentTokens).toEqual([undefined])
  })

  test('the token is read from the file that `hf auth login` wrote', async () => {
    await mkdir(join(cache, 'home'))
    await writeFile(join(cache, 'home', 'token'), 'written\n')
    let seen: string | undefined
    hub.hubFault = (request) => {
      seen = request.headers.authorization
      return false
    }
    await pull('user/repo', { env: { HF_HOME: join(cache, 'home') } })
    expect(seen).toBe('Bearer written')
  })
})

describe('broken connections', () => {
  test('a cut connection goes on where it ended', async () => {
    cutAfter(150_000)
    const model = await pull('user/repo')
    expect(await hashOf(model.path)).toBe(HASH)
    expect(contentRequests()).toHaveLength(2)
    expect(contentRequests()[1]).toMatch(/bytes=150000-$/)
  })

  test('many cuts are no failure as long as each brings something', async () => {
    cutAfter(40_000, 9)
    expect(await hashOf((await pull('user/repo')).path)).toBe(HASH)
  })

  test('a short body is asked for again', async () => {
    let first = true
    hub.contentFault = (_, response) => {
      if (!first) return false
      first = false
      response.writeHead(200).end(BYTES.subarray(0, 100_000))
      return true
    }
    expect(await hashOf((await pull('user/repo')).path)).toBe(HASH)
    expect(contentRequests()[1]).toMatch(/bytes=100000-$/)
  })

  test('what a run before left is used', async () => {
    await mkdir(dirname(incomplete()), { recursive: true })
    await writeFile(incomplete(), BYTES.subarray(0, 123_456))
    expect(await hashOf((await pull('user/repo')).path)).toBe(HASH)
    expect(contentRequests()).toEqual([`content GET /${HASH} bytes=123456-`])
  })

  test('a complete partial file needs no request', async () => {
    await mkdir(dirname(incomplete()), { recursive: true })
    await writeFile(incomplete(), BYTES)
    expect(await hashOf((await pull('user/repo')).path)).toBe(HASH)
    expect(contentRequests()).toEqual([])
  })

  test('a partial file that is too long is begun again', async () => {
    await mkdir(dirname(incomplete()), { recursive: true })
    await writeFile(incomplete(), Buffer.alloc(SIZE + 1))
    expect(await hashOf((await pull('user/repo')).path)).toBe(HASH)
  })

  test('a server that ignores Range sends all, and all is taken', async () => {
    await mkdir(dirname(incomplete()), { recursive: true })
    await writeFile(incomplete(), BYTES.subarray(0, 1000))
    hub.contentFault = (_, response) => {
      response.writeHead(200, { 'content-length': SIZE }).end(BYTES)
      return true
    }
    expect(await hashOf((await pull('user/repo')).path)).toBe(HASH)
  })

  test('a server that sends another range is asked from the start', async () => {
    await mkdir(dirname(incomplete()), { recursive: true })
    await writeFile(incomplete(), BYTES.subarray(0, 1000))
    hub.contentFault = (request, response) => {
      if (request.headers.range === undefined) return false
      response.writeHead(206, { 'content-range': `bytes 0-${SIZE - 1}/${SIZE}` }).end(BYTES)
      return true
    }
    expect(await hashOf((await pull('user/repo')).path)).toBe(HASH)
  })

  test('a server error passes', async () => {
    let hubErrors = 2
    let contentErrors = 2
    hub.hubFault = (_, response) => hubErrors-- > 0 && (fail(response, 503), true)
    hub.contentFault = (_, response) => contentErrors-- > 0 && (fail(response, 500), true)
    expect(await hashOf((await pull('user/repo')).path)).toBe(HASH)
  })

  test('a server error that does not pass', async () => {
    hub.hubFault = (_, response) => (fail(response, 502), true)
    await expect(pull('user/repo')).rejects.toThrow(failure('EngineError', 'network', /status 502/))
    expect(hub.log).toHaveLength(5)
  })

  test('a connection that falls silent', async () => {
    let first = true
    hub.contentFault = (_, response) => {
      if (!first) return false
      first = false
      response.writeHead(200, { 'content-length': SIZE })
      response.write(BYTES.subarray(0, 1000))
      return true
    }
    expect(await hashOf((await pull('user/repo', { stallMs: 2000 })).path)).toBe(HASH)
  })

  test('no server', async () => {
    await expect(pull('user/repo', { env: { HF_ENDPOINT: 'http://127.0.0.1:1' } })).rejects.toThrow(
      failure('EngineError', 'network', /cannot be reached/),
    )
  })

  test('without a server a refresh keeps the version in the cache', async () => {
    await pull('user/repo')
    const env = { HF_ENDPOINT: 'http://127.0.0.1:1' }
    expect((await pull('user/repo', { refresh: true, env })).source).toBe('cache')
  })

  test('an abort keeps what came, and the next run goes on', async () => {
    const controller = new AbortController()
    hub.contentFault = (_, response) => {
      response.writeHead(200, { 'content-length': SIZE })
      response.write(BYTES.subarray(0, 100_000))
      void untilKept(100_000).then(() => controller.abort(new Error('stopped by the user')))
      return true
    }
    await expect(pull('user/repo', { signal: controller.signal })).rejects.toThrow('stopped by the user')
    expect((await readFile(incomplete())).equals(BYTES.subarray(0, 100_000))).toBe(true)
    hub.contentFault = () => false
    expect(await hashOf((await pull('user/repo')).path)).toBe(HASH)
    expect(contentRequests()[1]).toMatch(/bytes=100000-$/)
  })
})

describe('what is not the file', () => {
  const page = '<!DOCTYPE html><html><head><title>Log in</title></head><body>to this network</body></html>'
  const KEPT = 123_456
  const keep = async () => {
    await mkdir(dirname(incomplete()), { recursive: true })
    await writeFile(incomplete(), BYTES.subarray(0, KEPT))
  }
  const isKept = async () => (await readFile(incomplete())).equals(BYTES.subarray(0, KEPT))
  const answer = (status: number, headers: Record<string, string | number>, body: string | Buffer) => {
    hub.contentFault = (_, response) => {
      response.writeHead(status, headers)
      // Without a length of its own: what is known beforehand is said in `headers`.
      response.write(body)
      response.end()
      return true
    }
  }
  const html = { 'content-type': 'text/html; charset=utf-8' }
  const json = { 'content-type': 'application/json' }
  const rest = (from: number, total: number | string = SIZE) => ({
    'content-range': `bytes ${from}-${SIZE - 1}/${total}`,
  })

  test.each<[string, number, Record<string, string | number>, string | Buffer]>([
    ['a login page', 200, html, page],
    ['a login page in capitals', 200, { 'content-type': 'TEXT/HTML' }, page.toUpperCase()],
    ['a login page with its length', 200, { ...html, 'content-length': page.length }, page],
    ['a login page that says to be data', 200, { 'content-type': 'application/octet-stream' }, page],
    ['a login page of no type, behind a space', 200, {}, `\r\n ${page}`],
    ['a login page as XHTML', 200, { 'content-type': 'application/xhtml+xml' }, `<?xml version="1.0"?>${page}`],
    ['a login page as a part', 206, { ...html, ...rest(KEPT) }, page],
    ['a login page with an error', 403, html, page],
    ['a login page in place of a missing file', 404, html, page],
    ['a login page for a 401', 401, html, page],
    ['a network that wants a login', 511, html, page],
    ['an error in JSON', 200, json, '{"error":"quota"}'],
    ['an error in XML', 200, { 'content-type': 'application/xml' }, '<Error/>'],
    ['an error in text', 200, { 'content-type': 'text/plain' }, 'Please log in'],
    ['text as long as the file', 200, { 'content-length': SIZE }, 'x'.repeat(SIZE)],
    ['a shorter file', 200, { 'content-length': 1000 }, randomBytes(1000)],
    ['a longer file', 200, { 'content-length': SIZE + 1 }, randomBytes(SIZE + 1)],
    ['a part of another length', 206, { ...rest(KEPT), 'content-length': 10 }, randomBytes(10)],
  ])('%s instead of the rest: what was there is kept, and goes on', async (_, status, headers, body) => {
    await keep()
    answer(status, headers, body)
    await expect(pull('user/repo')).rejects.toThrow(failure('EngineError', 'network', /proxy or a login page/))
    expect(await isKept()).toBe(true)
    hub.contentFault = () => false
    hub.log.length = 0
    expect(await hashOf((await pull('user/repo')).path)).toBe(HASH)
    expect(contentRequests()).toEqual([`content GET /${HASH} bytes=${KEPT}-`])
  })

  test.each<[string, number, Record<string, string | number>, string | Buffer]>([
    ['a login page', 200, html, page],
    ['a login page of no type', 200, {}, page],
    ['an error in JSON', 200, json, '{"error":"quota"}'],
    ['text', 200, {}, 'Please log in'],
    ['another length', 200, { 'content-length': 1000 }, randomBytes(1000)],
  ])('%s instead of a file of which nothing is there', async (_, status, headers, body) => {
    answer(status, headers, body)
    await expect(pull('user/repo')).rejects.toThrow(failure('EngineError', 'network', /proxy or a login page/))
    expect(contentRequests()).toHaveLength(1)
    expect(await readdir(repo('blobs'))).toEqual([])
  })

  test.each<[string, Record<string, string | number>]>([
    ['begins elsewhere', rest(KEPT + 1)],
    ['begins before', rest(KEPT - 1)],
    ['is of a longer file', rest(KEPT, SIZE + 1)],
    ['ends behind the file', { 'content-range': `bytes ${KEPT}-${SIZE}/*` }],
    ['is in another unit', { 'content-range': `items ${KEPT}-${SIZE - 1}/${SIZE}` }],
    ['does not say where it is', {}],
    ['is backwards', { 'content-range': `bytes ${KEPT}-1/${SIZE}` }],
  ])('a part that %s is not taken, and the whole file is asked for', async (_, headers) => {
    await keep()
    hub.contentFault = (request, response) => {
      if (request.headers.range === undefined) return false
      response.writeHead(206, headers).end(randomBytes(SIZE - KEPT))
      return true
    }
    expect(await hashOf((await pull('user/repo')).path)).toBe(HASH)
    expect(contentRequests()).toEqual([`content GET /${HASH} bytes=${KEPT}-`, `content GET /${HASH}`])
  })

  test('a server that never sends the right part: what was there is kept', async () => {
    await keep()
    answer(206, rest(0, SIZE + 1), randomBytes(10))
    await expect(pull('user/repo')).rejects.toThrow(failure('EngineError', 'network', /another part of the file/))
    expect(await isKept()).toBe(true)
  })

  test('a proxy that wants a password', async () => {
    await keep()
    answer(407, {}, 'no')
    await expect(pull('user/repo')).rejects.toThrow(
      failure('EngineError', 'network', /cannot be reached \(fetch failed\)\. Check .* your proxy/),
    )
    expect(await isKept()).toBe(true)
  })

  test('a server that cannot resume is asked for the whole file', async () => {
    await keep()
    hub.contentFault = (request, response) => {
      if (request.headers.range === undefined) return false
      response.writeHead(416, { 'content-range': `bytes */${KEPT}` }).end()
      return true
    }
    expect(await hashOf((await pull('user/repo')).path)).toBe(HASH)
  })

  test('a whole file of the same length and another content: what was there is kept', async () => {
    await keep()
    answer(200, { 'content-length': SIZE }, randomBytes(SIZE))
    await expect(pull('user/repo')).rejects.toThrow(failure('EngineError', 'download_corrupt', /without a proxy/))
    expect(await isKept()).toBe(true)
  })

  test('a rest with another content: what was there is kept', async () => {
    await keep()
    answer(206, rest(KEPT), randomBytes(SIZE - KEPT))
    await expect(pull('user/repo')).rejects.toThrow(failure('EngineError', 'download_corrupt', /121 KiB from before/))
    expect(await isKept()).toBe(true)
    hub.contentFault = () => false
    expect(await hashOf((await pull('user/repo')).path)).toBe(HASH)
  })

  test('a rest that is too long: what was there is kept', async () => {
    await keep()
    answer(206, rest(KEPT), randomBytes(SIZE))
    await expect(pull('user/repo')).rejects.toThrow(failure('EngineError', 'download_corrupt', /damaged/))
    expect(await isKept()).toBe(true)
  })

  test.each<[string, (response: ServerResponse) => void]>([
    [
      'another version',
      (response) => response.writeHead(200, { etag: `"${'a'.repeat(64)}"`, 'content-length': SIZE }).end(BYTES),
    ],
    ['a redirect to a login page', (response) => response.writeHead(302, { location: '/login' }).end()],
    [
      'a redirect to the login page of another host',
      (response) => response.writeHead(302, { location: `${portal}/login` }).end(),
    ],
  ])('from the Hub itself: %s', async (_, respond) => {
    await keep()
    hub.hubFault = (request, response) => {
      if (request.url === '/login') response.writeHead(200, html).end(page)
      else if (request.url?.includes('/resolve/') === true) respond(response)
      else return false
      return true
    }
    await expect(pull('user/repo')).rejects.toThrow(failure('EngineError', 'network', /proxy or a login page/))
    expect(await isKept()).toBe(true)
  })

  test.each([
    ['of its type', html, page],
    ['of no type', {}, page],
    ['that says to be JSON', json, page],
    ['with an error', html, page, 403],
  ] as [string, Record<string, string>, string, number?][])(
    'a login page %s for the API',
    async (_, headers, body, status = 200) => {
      hub.hubFault = (_, response) => (response.writeHead(status, headers).end(body), true)
      await expect(pull('user/repo')).rejects.toThrow(failure('EngineError', 'network', /proxy or a login page/))
      expect(hub.log).toHaveLength(1)
    },
  )

  let portal: string
  let portalServer: Server
  beforeAll(async () => {
    portalServer = createServer((_, response) => response.writeHead(200, html).end(page))
    await new Promise<void>((resolve) => portalServer.listen(0, '127.0.0.1', resolve))
    portal = `http://127.0.0.1:${(portalServer.address() as AddressInfo).port}`
  })
  afterAll(() => void portalServer.close())
})

describe('the list of files', () => {
  const tree = (request: IncomingMessage) => request.url?.includes('/tree/') === true
  const entry = {
    type: 'file',
    path: FILE,
    size: SIZE,
    oid: 'ab'.repeat(20),
    lfs: { oid: HASH, size: SIZE, pointerSize: 130 },
  }
  const page = (response: ServerResponse, next: string, entries: object[]) => {
    const headers = { 'content-type': 'application/json', link: `<${next}>; rel="next"` }
    response.writeHead(200, headers).end(JSON.stringify(entries))
  }

  test('goes on where the Hub says', async () => {
    let token: string | undefined
    hub.hubFault = (request, response) => {
      if (!tree(request)) return false
      token = request.headers.authorization
      if (request.url?.includes('cursor=2') === true) {
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify([entry]))
      } else page(response, `${hub.url}/api/models/user/repo/tree/${COMMIT}?cursor=2`, [])
      return true
    }
    expect(await hashOf((await pull('user/repo', { env: { HF_TOKEN: 'secret' } })).path)).toBe(HASH)
    expect(token).toBe('Bearer secret')
  })

  test.each(['localhost', '127.0.0.1'])('on another host or port (%s) is not followed', async (host) => {
    let asked = 0
    const foreign = createServer((_, response) => (asked++, response.end('[]')))
    await new Promise<void>((resolve) => foreign.listen(0, '127.0.0.1', resolve))
    const { port } = foreign.address() as AddressInfo
    hub.hubFault = (request, response) =>
      tree(request) && (page(response, `http://${host}:${port}/next`, [entry]), true)
    await expect(pull('user/repo', { env: { HF_TOKEN: 'secret' } })).rejects.toThrow(
      failure('EngineError', 'hub_failed', new RegExp(`on http://${host}:${port}, which is not asked`)),
    )
    foreign.close()
    expect(asked).toBe(0)
    expect(contentRequests()).toEqual([])
  })

  test.each(['/api/', '/resolve/'])('the token does not follow a redirect of %s to another host', async (path) => {
    const seen: (string | undefined)[] = []
    const foreign = createServer((request, response) => {
      seen.push(request.headers.authorization)
      response.writeHead(404).end()
    })
    await new Promise<void>((resolve) => foreign.listen(0, '127.0.0.1', resolve))
    const { port } = foreign.address() as AddressInfo
    hub.hubFault = (request, response) => {
      if (request.url?.includes(path) !== true) return false
      response.writeHead(307, { location: `http://localhost:${port}${request.url}` }).end()
      return true
    }
    await expect(pull('user/repo', { env: { HF_TOKEN: 'secret' } })).rejects.toThrow(/is not on/)
    foreign.close()
    expect(seen).toEqual([undefined])
  })

  test('without an end is left', async () => {
    hub.hubFault = (request, response) =>
      tree(request) && (page(response, `${hub.url}/api/models/user/repo/tree/${COMMIT}?cursor=next`, []), true)
    await expect(pull('user/repo')).rejects.toThrow(failure('EngineError', 'hub_failed', /more files of user\/repo/))
    expect(hub.log.length).toBeLessThanOrEqual(201)
  })

  test('with pages that are too large is left', async () => {
    hub.hubFault = (request, response) => {
      if (!tree(request)) return false
      response.writeHead(200, { 'content-type': 'application/json' }).write('[')
      const send = () => {
        while (!response.destroyed && response.write(' '.repeat(2 ** 20)));
      }
      response.on('drain', send)
      send()
      return true
    }
    await expect(pull('user/repo')).rejects.toThrow(failure('EngineError', 'hub_failed', /more files of user\/repo/))
  })

  test('with more entries than a repository has is left', async () => {
    const many = Array.from({ length: 100_001 }, (_, i) => ({ type: 'directory', path: `${i}`, size: 0 }))
    hub.hubFault = (request, response) => tree(request) && (page(response, `${hub.url}/none`, many), true)
    await expect(pull('user/repo')).rejects.toThrow(failure('EngineError', 'hub_failed', /more files of user\/repo/))
    expect(hub.log).toHaveLength(2)
  })

  test.each([-1, 1.5, 1e300, '12', null])('a file of %s bytes', async (size) => {
    hub.hubFault = (request, response) => {
      if (!tree(request)) return false
      const odd = { ...entry, size, lfs: { ...entry.lfs, size } }
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify([odd]))
      return true
    }
    await expect(pull('user/repo')).rejects.toThrow(failure('EngineError', 'hub_failed', /cannot be understood/))
  })
})

test.each(['hf_a\nb', '\u201chf_ab\u201d', 'Bearer hf_ab'])('with the token %j nothing is sent', async (token) => {
  await expect(pull('user/repo', { env: { HF_TOKEN: token } })).rejects.toThrow(
    failure('InputError', 'hub_token', /^HF_TOKEN holds no access token/),
  )
  expect(hub.log).toEqual([])
})

describe('wrong content', () => {
  test('a wrong hash: the file is deleted', async () => {
    hub.contentFault = (_, response) => (response.writeHead(200).end(randomBytes(SIZE)), true)
    await expect(pull('user/repo')).rejects.toThrow(
      failure('EngineError', 'download_corrupt', /damaged.*Run the command/),
    )
    expect(await readdir(repo('blobs'))).toEqual([])
  })

  test('too many bytes: the file is deleted', async () => {
    hub.contentFault = (_, response) => (response.writeHead(200).end(randomBytes(SIZE + 5000)), true)
    await expect(pull('user/repo')).rejects.toThrow(failure('EngineError', 'download_corrupt', /damaged/))
    expect(await readdir(repo('blobs'))).toEqual([])
  })

  test.each(['../evil.gguf', '/etc/evil.gguf', 'a/../../evil.gguf', 'a\\..\\evil.gguf', 'C:/evil.gguf'])(
    'the file name %s is refused',
    async (path) => {
      hub.repos.set('user/repo', { commit: COMMIT, files: { [path]: BYTES } })
      await expect(pull('user/repo')).rejects.toThrow(failure('InputError', 'unsafe_file_name', /unsafe name/))
      expect(await readdir(cache)).toEqual([])
    },
  )

  test.each([
    [{ sha: '../../../tmp' }, 'revision'],
    [{ error: 'what' }, 'tree'],
    ['no JSON', 'revision'],
  ])('an answer that cannot be understood: %j', async (answer, view) => {
    hub.hubFault = (request, response) => {
      if (request.url?.includes(`/${view}/`) !== true) return false
      response.end(typeof answer === 'string' ? answer : JSON.stringify(answer))
      return true
    }
    await expect(pull('user/repo')).rejects.toThrow(failure('EngineError', 'hub_failed', /user\/repo/))
  })
})

describe('refusals', () => {
  const refused = (status: number, code?: string) => {
    hub.hubFault = (_, response) => (fail(response, status, code), true)
  }
  test('401 without a token', async () => {
    refused(401, 'RepoNotFound')
    await expect(pull('user/repo')).rejects.toThrow(failure('InputError', 'model_access', /private.*HF_TOKEN/))
  })
  test('401 with a token', async () => {
    refused(401)
    await expect(pull('user/repo', { env: { HF_TOKEN: 'x' } })).rejects.toThrow(/cannot be read with your token/)
  })
  test('a gated model', async () => {
    refused(403, 'GatedRepo')
    await expect(pull('user/repo')).rejects.toThrow(
      failure('InputError', 'model_access', /accept its licence at .*user\/repo/),
    )
  })
  test('404: no such repository', async () => {
    await expect(pull('user/none')).rejects.toThrow(failure('InputError', 'model_not_found', /user\/none is not on/))
  })
  test('404: no such revision', async () => {
    await expect(pull('user/repo@v9')).rejects.toThrow(failure('InputError', 'model_not_found', /no revision v9/))
  })
  test('no such quant: names those that there are', async () => {
    await expect(pull('user/repo:Q2_K')).rejects.toThrow(
      failure('InputError', 'quant_not_found', /It has: Q4_K_M, Q8_0\./),
    )
  })
  test('no GGUF at all', async () => {
    hub.repos.set('user/repo', { commit: COMMIT, files: { 'README.md': Buffer.from('x') } })
    await expect(pull('user/repo')).rejects.toThrow(failure('InputError', 'quant_not_found', /-GGUF/))
  })
})

describe('a full disk', () => {
  test('is noticed before the download', async () => {
    const disk = { ...realDisk, freeBytes: () => Promise.resolve(1000) }
    await expect(pull('user/repo', { disk })).rejects.toThrow(
      failure('InputError', 'disk_full', /391 KiB are needed, but only 1000 B are free/),
    )
    expect(contentRequests()).toEqual([])
  })

  test('during the download: what came is kept, and the next run goes on', async () => {
    let room = 200_000
    const disk: Disk = {
      ...realDisk,
      async openForAppend(path) {
        const file = await realDisk.openForAppend(path)
        return {
          ...file,
          async write(bytes) {
            if (bytes.length > room) {
              await file.write(bytes.subarray(0, 10))
              throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
            }
            room -= bytes.length
            await file.write(bytes)
          },
        }
      },
    }
    await expect(pull('user/repo', { disk })).rejects.toThrow(failure('InputError', 'disk_full', /are needed/))
    const kept = await readFile(incomplete())
    expect(kept.length).toBeGreaterThan(0)
    expect(kept.equals(BYTES.subarray(0, kept.length))).toBe(true)
    expect(await hashOf((await pull('user/repo')).path)).toBe(HASH)
    expect(contentRequests()[1]).toMatch(new RegExp(`bytes=${kept.length}-$`))
  })
})

describe('offline', () => {
  test('a model that is not in the cache', async () => {
    await expect(pull('user/repo', { offline: true })).rejects.toThrow(
      failure('InputError', 'offline', /not in the cache/),
    )
    await expect(pull('user/repo', { env: { HF_HUB_OFFLINE: '1' } })).rejects.toThrow(/HF_HUB_OFFLINE/)
    expect(hub.log).toEqual([])
  })
  test('a model that is', async () => {
    await pull('user/repo')
    hub.log.length = 0
    for (const reference of ['user/repo', 'user/repo:q4_k_m', `user/repo@${COMMIT}`, `hf:user/repo/${FILE}`]) {
      expect((await pull(reference, { offline: true })).path).toBe(repo('snapshots', COMMIT, FILE))
    }
    await expect(pull('user/repo:Q8_0', { offline: true })).rejects.toThrow(/offline/)
    expect(hub.log).toEqual([])
  })
})

describe('two at once', () => {
  test('download a file once', async () => {
    const states: string[] = []
    const onProgress = ({ state }: DownloadProgress) => states.push(state)
    hub.contentFault = (_, response) => {
      void until(() => states.includes('waiting')).then(() => response.writeHead(200).end(BYTES))
      return true
    }
    const both = await Promise.all([pull('user/repo', { onProgress }), pull('user/repo', { onProgress })])
    expect(both.map(({ path }) => path)).toEqual([repo('snapshots', COMMIT, FILE), repo('snapshots', COMMIT, FILE)])
    expect(contentRequests()).toHaveLength(1)
  })

  const lockPath = () => join(cache, '.locks', 'models--user--repo', `${HASH}.dynts.lock`)
  test.each<[string, object, number]>([
    ['of a process that is gone', { pid: 2 ** 22 + 1, host: hostname() }, 0],
    ['that nobody touched for long', { pid: 1, host: 'elsewhere' }, 60_000],
  ])('a lock %s is taken over', async (_, holder, age) => {
    await mkdir(dirname(lockPath()), { recursive: true })
    await writeFile(lockPath(), JSON.stringify(holder))
    const touched = new Date(Date.now() - age)
    await utimes(lockPath(), touched, touched)
    expect(await hashOf((await pull('user/repo')).path)).toBe(HASH)
  })

  test('waiting for a lock can be aborted', async () => {
    await mkdir(dirname(lockPath()), { recursive: true })
    await writeFile(lockPath(), JSON.stringify({ pid: process.ppid, host: hostname() }))
    const controller = new AbortController()
    const onProgress = ({ state }: DownloadProgress) => {
      if (state === 'waiting') controller.abort()
    }
    await expect(pull('user/repo', { signal: controller.signal, onProgress })).rejects.toThrow(/aborted/)
    expect(contentRequests()).toEqual([])
  })
})

test('local models are resolved without the network', async () => {
  expect(await pull('tiny')).toMatchObject({ name: 'tiny', source: 'embedded' })
  await expect(pull(join(cache, 'none.gguf'))).rejects.toThrow(failure('InputError', 'model_not_found', /none\.gguf/))
  expect(hub.log).toEqual([])
})
