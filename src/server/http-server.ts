/** Node's HTTP server around the app: limits on what a client may hold up, and errors in one shape. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { getRequestListener, RequestError, type HttpBindings } from '@hono/node-server'
import { InputError } from '../errors.ts'
import { ApiError, apiErrorOf } from './api-error.ts'
import type { Connection } from './app.ts'
import { commonHeaders } from './common-headers.ts'
import { errorReply } from './reply.ts'

type App = (request: Request, connection: Connection) => Promise<Response>

/** In milliseconds. */
export interface ConnectionLimits {
  /** Of a request's headers. */
  readonly headersTimeout: number
  /** Of all of it. */
  readonly requestTimeout: number
  /** How often both are looked at. */
  readonly connectionsCheckingInterval: number
}

const usualLimits: ConnectionLimits = {
  headersTimeout: 20_000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 1000,
}

/** @param version of dynts */
export function createHttpServer(app: App, version: string, limits = usualLimits): Server {
  const listener = getRequestListener(
    async (request, env) => {
      const { incoming } = env as HttpBindings
      return await app(request, { address: incoming.socket.remoteAddress ?? 'unknown' })
    },
    {
      overrideGlobalObjects: false,
      // What a client may send as its host is checked by the app.
      hostname: 'localhost',
      errorHandler: (error) => {
        const known =
          error instanceof RequestError ? unreadable(400, 'invalid_request', error.message) : apiErrorOf(error)
        return errorReply(known, commonHeaders(version))
      },
    },
  )
  const open = new OpenAnswers()
  const handle = (incoming: IncomingMessage, outgoing: ServerResponse) => {
    open.add(incoming.socket, outgoing)
    void listener(incoming, outgoing)
  }
  const server = createServer(
    {
      ...limits,
      keepAliveTimeout: 65_000,
      maxHeaderSize: 16 * 1024,
      // Its absence is answered by the app, in its own shape.
      requireHostHeader: false,
    },
    handle,
  )
  server.maxConnections = 1024
  // What a client expects besides is not known: it gets the answer that it would get without.
  server.on('checkExpectation', handle)
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    // In the midst of an answer it would be taken for a part of that.
    if (error.code === 'ECONNRESET' || !socket.writable || open.hasBegun(socket)) socket.destroy()
    else answerBroken(error, socket, version)
  })
  return server
}

/** What the clients of connections wait for: several answers on one, if they ask more before they have the first. */
class OpenAnswers {
  readonly #bySocket = new WeakMap<Socket, Set<ServerResponse>>()

  add(socket: Socket, outgoing: ServerResponse): void {
    const answers = this.#bySocket.get(socket) ?? this.#follow(socket)
    answers.add(outgoing)
    outgoing.once('close', () => answers.delete(outgoing))
  }

  hasBegun(socket: Socket): boolean {
    return [...(this.#bySocket.get(socket) ?? [])].some((one) => one.socket === socket && one.headersSent)
  }

  #follow(socket: Socket): Set<ServerResponse> {
    const answers = new Set<ServerResponse>()
    this.#bySocket.set(socket, answers)
    socket.once('close', () => {
      // Node tells that one alone whose turn it is.
      for (const one of answers) if (one.socket === null) one.emit('close')
    })
    return answers
  }
}

const answers: Readonly<Record<string, readonly [number, string, string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'Request Header Fields Too Large', 'headers_too_large'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'Request Timeout', 'request_timeout'],
}

function unreadable(status: number, code: string, reason: string): ApiError {
  return new ApiError(status, code, `the request cannot be read: ${reason}`)
}

/** What is no HTTP has no request to answer by. */
function answerBroken(error: NodeJS.ErrnoException, socket: Socket, version: string): void {
  const [status, reason, code] = answers[error.code ?? ''] ?? [400, 'Bad Request', 'invalid_request']
  const body = JSON.stringify(unreadable(status, code, reason).body)
  const headers = {
    ...commonHeaders(version),
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    connection: 'close',
  }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.end(`HTTP/1.1 ${status} ${reason}\r\n${lines.join('')}\r\n${body}`)
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
