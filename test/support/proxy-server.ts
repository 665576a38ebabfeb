/** A proxy on this machine that notes what goes through it: plain HTTP requests, and tunnels (CONNECT). */
import { createServer, request as forward, type IncomingMessage, type ServerResponse } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'

export class FakeProxy {
  /** Method and target of every request, without its query. */
  readonly log: string[] = []
  readonly #sockets = new Set<Socket>()
  readonly #server = createServer((request, response) => this.#pass(request, response))

  static async start(): Promise<FakeProxy> {
    const proxy = new FakeProxy()
    proxy.#server.on('connect', (request: IncomingMessage, socket: Socket) => proxy.#tunnel(request, socket))
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve))
    return proxy
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #pass(request: IncomingMessage, response: ServerResponse): void {
    const target = request.url ?? ''
    this.log.push(`${request.method ?? ''} ${target.split('?')[0] ?? ''}`)
    const onward = forward(target, { method: request.method, headers: request.headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    onward.on('error', () => response.writeHead(502).end())
    request.pipe(onward)
  }

  #tunnel(request: IncomingMessage, socket: Socket): void {
    const target = request.url ?? ''
    this.log.push(`CONNECT ${target}`)
    const { hostname, port } = new URL(`http://${target}`)
    const onward = connect(Number(port || 80), hostname, () => socket.write('HTTP/1.1 200 OK\r\n\r\n'))
    for (const end of [socket, onward]) {
      this.#sockets.add(end)
      end.on('error', () => [socket, onward].forEach((one) => one.destroy()))
    }
    socket.pipe(onward).pipe(socket)
  }
}
