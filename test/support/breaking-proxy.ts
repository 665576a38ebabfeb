/** A way to a server that breaks when it is told to: what goes through is cut off, and nothing new comes through until it is mended. */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

export class BreakingProxy {
  readonly #sockets = new Set<Socket>()
  readonly #port: number
  #isBroken = false
  readonly #server = createServer((socket) => this.#pass(socket))

  private constructor(target: string) {
    this.#port = Number(new URL(target).port)
  }

  /** @param target a server on this machine */
  static async start(target: string): Promise<BreakingProxy> {
    const proxy = new BreakingProxy(target)
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve))
    return proxy
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  break(): void {
    this.#isBroken = true
    this.cut()
  }

  mend(): void {
    this.#isBroken = false
  }

  /** Ends what goes through, and lets through what is new. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy()
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #pass(socket: Socket): void {
    if (this.#isBroken) {
      socket.resetAndDestroy()
      return
    }
    const onward = connect(this.#port, '127.0.0.1')
    for (const end of [socket, onward]) {
      this.#sockets.add(end)
      end.on('error', () => undefined)
      end.on('close', () => {
        this.#sockets.delete(end)
        socket.destroy()
        onward.destroy()
      })
    }
    socket.pipe(onward).pipe(socket)
  }
}
