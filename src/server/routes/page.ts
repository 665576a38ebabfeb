/** GET / and /assets/...: the page, as it was built. A request's path is only ever looked up in the table of its files. */
import { ApiError, shown } from '../api-error.ts'
import type { Call, Endpoint } from '../endpoint.ts'
import type { ServerState } from '../server-state.ts'

const pageHeaders = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; img-src 'self' data:; " +
    "font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
}

function send({ settings, pageFiles }: ServerState, { headers, request }: Call, path: string): Response {
  if (!settings.hasPage) throw new ApiError(404, 'disabled', 'the page is switched off (--no-page)')
  const file = pageFiles.get(path)
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
