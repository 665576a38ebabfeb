/** GET / and /assets/...: the page, as it was built. A request's path is only ever looked up in the table of its files. */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { ApiError, shown } from '../api-error.ts'
import type { Call, Endpoint } from '../endpoint.ts'
import type { ServerState } from '../server-state.ts'

interface PageFile {
  readonly content: Buffer<ArrayBuffer>
  readonly zipped: Buffer<ArrayBuffer>
  readonly type: string
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.woff2': 'font/woff2',
  '.svg': 'image/svg+xml',
}

const pageHeaders = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; img-src 'self' data:; " +
    "font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
}

/** In the built package. */
const folder = join(dirname(fileURLToPath(import.meta.url)), '../../web')

let files: ReadonlyMap<string, PageFile> | undefined

/** By their paths in the address; empty if the page was not built. */
function pageFiles(): ReadonlyMap<string, PageFile> {
  files ??= new Map(filesOf(folder).map(({ path, name }) => [path, fileOf(name)]))
  return files
}

function filesOf(root: string): { path: string; name: string }[] {
  try {
    const names = readdirSync(root, { recursive: true, withFileTypes: true })
    return names
      .filter((entry) => entry.isFile())
      .map((entry) => {
        const name = join(entry.parentPath, entry.name)
        return { path: name.slice(root.length).replaceAll('\\', '/'), name }
      })
  } catch {
    return []
  }
}

function fileOf(name: string): PageFile {
  const content = readFileSync(name)
  return { content, zipped: gzipSync(content, { level: 9 }), type: types[extname(name)] ?? 'application/octet-stream' }
}

function send({ settings }: ServerState, { headers, request }: Call, path: string): Response {
  if (!settings.hasPage) throw new ApiError(404, 'disabled', 'the page is switched off (--no-page)')
  const file = pageFiles().get(path)
  if (!file) throw new ApiError(404, 'not_found', `there is no ${shown(path)} here`)
  const isZipped = (request.headers.get('accept-encoding') ?? '').includes('gzip')
  return new Response(isZipped ? file.zipped : file.content, {
    headers: {
      ...headers,
      ...pageHeaders,
      'content-type': file.type,
      // The names of assets change with their content.
      'cache-control': path.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache',
      vary: 'accept-encoding',
      ...(isZipped ? { 'content-encoding': 'gzip' } : {}),
    },
  })
}

export const page: Endpoint = {
  method: 'GET',
  path: '/',
  summary: 'The page',
  needsKey: false,
  answer: 'text/html',
  handle: (state, call) => send(state, call, '/index.html'),
}

export const pageAssets: Endpoint = {
  method: 'GET',
  path: '/assets/:file',
  summary: 'What the page needs',
  needsKey: false,
  answer: '*/*',
  handle: (state, call) => send(state, call, `/assets/${call.params['file'] ?? ''}`),
}
