/** Node's HTTP server around the app: limits on what a client may hold up, and errors in one shape. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { getRequestListener, type HttpBindings } from '@hono/node-server'
import { InputError } from '../errors.ts'
import { ApiError } from './api-error.ts'
import type { Connection } from './app.ts'

type App = (request: Request, connection: Connection) => Promise<Response>

export function createHttpServer(app: App): Server {
  const listener = getRequestListener(
    async (request, env) => {
      const { incoming } = env as HttpBindings
      return await app(request, { address: incoming.socket.remoteAddress ?? 'unknown' })
    },
    // What a client may send as its host is checked by the app.
    { overrideGlobalObjects: false, hostname: 'localhost' },
  )
  const server = createServer(
    {
      keepAliveTimeout: 65_000,
      headersTimeout: 20_000,
      requestTimeout: 30_000,
      maxHeaderSize: 16 * 1024,
      // Its absence is answered by the app, in its own shape.
      requireHostHeader: false,
    },
    (incoming, outgoing) => void listener(incoming, outgoing),
  )
  server.maxConnections = 1024
  server.on('clientError', answerBrokenRequest)
  return server
}

const answers: Readonly<Record<string, readonly [number, string, string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'Request Header Fields Too Large', 'headers_too_large'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'Request Timeout', 'request_timeout'],
}

/** What is no HTTP has no request to answer by. */
function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy()
  const [status, reason, code] = answers[error.code ?? ''] ?? [400, 'Bad Request', 'invalid_request']
  const body = JSON.stringify(new ApiError(status, code, `the request cannot be read: ${reason}`).body)
  socket.end(
    `HTTP/1.1 ${status} ${reason}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  )
}

/** @throws InputError `address_not_free` */
export async function listen(server: Server, host: string, port: number): Promise<AddressInfo> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(notFree(error, host, port)))
    server.listen(port, host, () => {
      server.removeAllListeners('error')
      resolve()
    })
  })
  return server.address() as AddressInfo
}

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program listens there: give another --port (0: any that is free)',
  EADDRNOTAVAIL: 'this machine has no such address: check --host',
  ENOTFOUND: 'there is no such name: check --host',
  EACCES: 'this user may not listen there: give a --port of 1024 or more',
}

function notFree(error: NodeJS.ErrnoException, host: string, port: number): Error {
  const reason = reasons[error.code ?? '']
  return reason === undefined
    ? error
    : new InputError('address_not_free', `${host}:${port} cannot be listened at: ${reason}`)
}
