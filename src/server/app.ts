/** The HTTP side: each request is checked, led to its endpoint, and answered; what goes wrong is told in one shape. */
import { checkHost, checkOrigin, isAllowedOrigin } from './access.ts'
import { ApiError, apiErrorOf } from './api-error.ts'
import { commonHeaders } from './common-headers.ts'
import { findEndpoint } from './endpoints.ts'
import type { Log } from './log.ts'
import { clientLeft, errorReply } from './reply.ts'
import type { ServerState } from './server-state.ts'

/** Where a request came in. */
export interface Connection {
  /** Of the client. */
  readonly address: string
}

export function createApp(
  state: ServerState,
  log: Log,
): (request: Request, connection: Connection) => Promise<Response> {
  const { settings, keys, metrics } = state
  return async (request, { address }) => {
    const arrivedAt = performance.now()
    const url = new URL(request.url)
    const host = request.headers.get('host') ?? undefined
    const origin = request.headers.get('origin') ?? undefined
    const headers = commonHeaders(settings.version, request.headers.get('x-request-id'))
    const requestId = headers['x-request-id'] ?? ''
    let path = 'unknown'
    let client = address
    try {
      checkHost(host, settings.access)
      if (origin !== undefined && isAllowedOrigin(origin, host, settings.access)) {
        headers['access-control-allow-origin'] = origin
        headers['access-control-expose-headers'] = 'x-request-id, x-dynts-ignored, x-conversation-id, retry-after'
        headers['vary'] = 'origin'
        delete headers['cross-origin-resource-policy']
      }
      if (request.method === 'OPTIONS') return preflight(request, headers)
      checkOrigin(request.method, origin, host, settings.access)
      const found = findEndpoint(request.method, url.pathname)
      if (!(found instanceof ApiError)) path = found.endpoint.path
      // What there is not is told to those alone who may ask.
      const needsKey = found instanceof ApiError || found.endpoint.needsKey
      const name = needsKey
        ? keys.nameOf(request.headers.get('authorization') ?? undefined, request.headers.get('x-api-key') ?? undefined)
        : undefined
      if (found instanceof ApiError) throw found
      const { endpoint, params } = found
      client = name ?? address
      const call = { request, url, params, client, requestId, arrivedAt, headers, signal: request.signal }
      const response = await endpoint.handle(state, call)
      metrics.onHttp(path, response.status)
      if (request.method !== 'HEAD') return response
      await response.body?.cancel()
      return new Response(null, { status: response.status, headers: response.headers })
    } catch (error) {
      const known = request.signal.aborted ? clientLeft() : apiErrorOf(error)
      if (known.code === 'internal_error') {
        log.error('a bug in dynts', { request: requestId, stack: error instanceof Error ? error.stack : String(error) })
      }
      if (known.status === 429) metrics.onRejection(known.code)
      // Who has left is not answered.
      if (!request.signal.aborted) {
        const { method } = request
        log.info('refused', { request: requestId, client, method, path, status: known.status, code: known.code })
      }
      metrics.onHttp(path, known.status)
      return errorReply(known, headers)
    }
  }
}

function preflight(request: Request, headers: Readonly<Record<string, string>>): Response {
  const isAllowed = headers['access-control-allow-origin'] !== undefined
  if (!isAllowed)
    throw new ApiError(403, 'origin_not_allowed', 'pages of this origin may not ask here (--allow-origin)')
  const asked = request.headers.get('access-control-request-headers')
  const isPrivate = request.headers.get('access-control-request-private-network') === 'true'
  return new Response(null, {
    status: 204,
    headers: {
      ...headers,
      'access-control-allow-methods': 'GET, POST, DELETE',
      'access-control-max-age': '600',
      ...(asked === null ? {} : { 'access-control-allow-headers': asked }),
      ...(isPrivate ? { 'access-control-allow-private-network': 'true' } : {}),
    },
  })
}
