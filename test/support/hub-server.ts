/** A small Hugging Face Hub on this machine: its API, its redirects to another host for large files, and its faults. */
import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface FakeRepo {
  readonly commit: string
  readonly files: Readonly<Record<string, Buffer>>
}

/** Answers a request in place of the server, or returns `false` to let it answer. */
export type Fault = (request: IncomingMessage, response: ServerResponse) => boolean

export const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')
export const gitSha1 = (bytes: Buffer): string =>
  createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex')

export class FakeHub {
  /** By `user/name`; datasets by `datasets/user/name`. */
  readonly repos = new Map<string, FakeRepo>()
  /** Method, path and Range of every request to either host. */
  readonly log: string[] = []
  /** The Authorization header of each request to the content host. */
  readonly contentTokens: (string | undefined)[] = []
  hubFault: Fault = () => false
  contentFault: Fault = () => false
  readonly #hub = createServer((request, response) => {
    this.#answerHub(request, response)
  })
  readonly #content = createServer((request, response) => {
    this.#answerContent(request, response)
  })

  static async start(): Promise<FakeHub> {
    const fake = new FakeHub()
    for (const server of [fake.#hub, fake.#content]) await listen(server)
    return fake
  }

  get url(): string {
    return address(this.#hub)
  }

  async stop(): Promise<void> {
    for (const server of [this.#hub, this.#content]) {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    }
  }

  #record(host: string, request: IncomingMessage) {
    this.log.push([host, request.method, request.url?.split('?')[0], request.headers.range].filter(Boolean).join(' '))
  }

  #answerHub(request: IncomingMessage, response: ServerResponse): undefined {
    this.#record('hub', request)
    if (this.hubFault(request, response)) return
    const parts = (request.url ?? '').replace(/\?.*/, '').slice(1).split('/').map(decodeURIComponent)
    if (parts[0] === 'api') {
      const [, kind, user, name, view, revision = ''] = parts
      const id = `${user ?? ''}/${name ?? ''}`
      const repo = this.repos.get(kind === 'datasets' ? `datasets/${id}` : id)
      if (repo === undefined) {
        fail(response, 404, 'RepoNotFound')
        return
      }
      if (revision !== 'main' && revision !== repo.commit) {
        fail(response, 404, 'RevisionNotFound')
        return
      }
      if (view === 'revision') {
        json(response, { _id: '1', id, sha: repo.commit })
        return
      }
      json(
        response,
        Object.entries(repo.files).map(([path, bytes]) => treeEntry(path, bytes)),
      )
      return
    }
    const nameParts = parts[0] === 'datasets' ? 3 : 2
    const repo = this.repos.get(parts.slice(0, nameParts).join('/'))
    const path = parts.slice(nameParts + 2)
    const file = repo?.files[path.join('/')]
    if (repo === undefined || file === undefined) {
      fail(response, 404, 'EntryNotFound')
      return
    }
    const headers = { 'x-repo-commit': repo.commit, 'accept-ranges': 'bytes' }
    if (!isLarge(path.join('/'))) {
      response.writeHead(200, { ...headers, etag: `"${gitSha1(file)}"`, 'content-length': file.length }).end(file)
      return
    }
    const hash = sha256(file)
    response
      .writeHead(302, {
        ...headers,
        location: `${address(this.#content)}/${hash}`,
        'x-linked-etag': `"${hash}"`,
        'x-linked-size': file.length,
      })
      .end()
  }

  #answerContent(request: IncomingMessage, response: ServerResponse) {
    this.#record('content', request)
    this.contentTokens.push(request.headers.authorization)
    if (this.contentFault(request, response)) return
    const file = this.content(request)
    if (file === undefined) {
      response.writeHead(404).end()
      return
    }
    const start = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0)
    if (request.headers.range === undefined) {
      response.writeHead(200, { 'content-length': file.length }).end(request.method === 'HEAD' ? undefined : file)
    } else if (start >= file.length) {
      response.writeHead(416, { 'content-range': `bytes */${file.length}` }).end()
    } else {
      const range = `bytes ${start}-${file.length - 1}/${file.length}`
      response
        .writeHead(206, { 'content-range': range, 'content-length': file.length - start })
        .end(file.subarray(start))
    }
  }

  /** The file that a request to the content host means. */
  content(request: IncomingMessage): Buffer | undefined {
    const files = [...this.repos.values()].flatMap((repo) => Object.values(repo.files))
    return files.find((bytes) => request.url?.startsWith(`/${sha256(bytes)}`))
  }
}

/** What the Hub keeps apart from Git. */
const isLarge = (path: string): boolean => /\.(gguf|parquet)$/.test(path)

function treeEntry(path: string, bytes: Buffer) {
  const entry = { type: 'file', path, size: bytes.length, oid: gitSha1(bytes) }
  return isLarge(path) ? { ...entry, lfs: { oid: sha256(bytes), size: bytes.length, pointerSize: 130 } } : entry
}

export function fail(response: ServerResponse, status: number, code?: string): undefined {
  const headers = code === undefined ? {} : { 'x-error-code': code }
  response.writeHead(status, { ...headers, 'content-type': 'application/json' }).end('{"error":"as asked"}')
}

function json(response: ServerResponse, value: unknown): undefined {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value))
}

const address = (server: Server): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`
const listen = (server: Server) => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
