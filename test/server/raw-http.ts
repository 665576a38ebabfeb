/** A client that keeps no rules: it sends bytes, and reads what comes back as HTTP. */
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** What is sent, piece by piece. */
export interface Sent {
  readonly pieces: Iterable<string> | AsyncIterable<string>
  /** Between them. */
  readonly pauseMs?: number
  /** Behind them: it waits for the server to close, says that nothing more comes, or leaves. */
  readonly end: 'waits' | 'ends' | 'leaves'
}

export interface RawAnswer {
  readonly status: number
  /** Names in small letters. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** All that comes back until the connection is closed; one byte is one character. */
export async function send(url: string, { pieces, pauseMs = 0, end }: Sent): Promise<string> {
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port), noDelay: true })
  let received = ''
  const closed = new Promise<string>((resolve) => socket.once('close', () => resolve(received)))
  // Who is refused in the midst of sending gets an error besides.
  socket.setEncoding('latin1').on('error', () => undefined)
  socket.on('data', (data: string) => (received += data))
  for await (const piece of pieces) {
    if (socket.writable) socket.write(piece, 'latin1')
    await sleep(pauseMs)
  }
  if (end === 'ends') socket.end()
  if (end === 'leaves') socket.destroy()
  socket.setTimeout(20_000, () => socket.destroy(new Error('neither side says anything')))
  return await closed
}

/** @throws Error for what is no sequence of whole answers */
export function answersOf(received: string): RawAnswer[] {
  const answers: RawAnswer[] = []
  for (let rest = received; rest !== '';) {
    const [head, status] = /^HTTP\/1\.1 (\d{3}) [^\r\n]*\r\n(?:[^\r\n]+\r\n)*\r\n/.exec(rest) ?? []
    if (head === undefined) throw new Error(`this is no answer: ${rest.slice(0, 200)}`)
    const lines = head.split('\r\n').slice(1, -2)
    const headers = Object.fromEntries(
      lines.map((line) => {
        const [, name = '', value = ''] = /^([^:]+): (.*)$/.exec(line) ?? []
        return [name.toLowerCase(), value]
      }),
    )
    rest = rest.slice(head.length)
    let body = ''
    if (headers['transfer-encoding'] === 'chunked') {
      for (let length = -1; length !== 0;) {
        const [line = '', digits = ''] = /^([\da-f]+)\r\n/.exec(rest) ?? []
        if (line === '') throw new Error(`this is no piece of an answer: ${rest.slice(0, 200)}`)
        length = parseInt(digits, 16)
        body += rest.slice(line.length, line.length + length)
        if (rest.slice(line.length + length, line.length + length + 2) !== '\r\n') throw new Error('a piece has no end')
        rest = rest.slice(line.length + length + 2)
      }
    } else {
      const length = Number(headers['content-length'] ?? '0')
      if (rest.length < length) throw new Error(`an answer is cut off: ${rest.length} bytes of ${length}`)
      body = rest.slice(0, length)
      rest = rest.slice(length)
    }
    answers.push({ status: Number(status), headers, body: Buffer.from(body, 'latin1').toString('utf8') })
  }
  return answers
}
