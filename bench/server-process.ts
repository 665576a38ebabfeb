/** `dynts serve` in a process of its own, and requests to it as a client of OpenAI's makes them. */
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { InputError } from '../src/errors.ts'
import { builtProgram, program } from './paths.ts'

/** What a streamed answer was like for its client. */
export interface Answered {
  /** Tokens, thinking included. */
  readonly tokens: number
  readonly content: string
  /** Seconds from the request to the first text of the answer, waiting for a slot included; undefined: there was none. */
  readonly firstAnswerSeconds: number | undefined
}

interface Chunk {
  readonly choices?: readonly { readonly delta: { readonly content?: string | null } }[]
  readonly usage?: { readonly completion_tokens: number } | null
  readonly error?: { readonly message: string }
}

export class ServerProcess {
  readonly #child: ChildProcess
  readonly #url: string

  /**
   * Resolves when the model is loaded.
   * @throws InputError `not_built`
   */
  static async start(args: readonly string[]): Promise<ServerProcess> {
    if (!existsSync(builtProgram)) throw new InputError('not_built', 'the program is not built: npm run build')
    const child = spawn(
      process.execPath,
      [program, 'serve', '--port', '0', '--no-page', '--log-level', 'error', ...args],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    )
    const end = () => void child.kill('SIGKILL')
    process.once('exit', end)
    child.once('exit', () => process.off('exit', end))
    const url = await new Promise<string>((resolve, reject) => {
      let said = ''
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        said += text
        const [, address] = / at (http:\S+) /.exec(said) ?? []
        if (address !== undefined) resolve(address)
      })
      child.once('exit', (code) => reject(new Error(`dynts serve has ended with code ${code}`)))
    })
    return new ServerProcess(child, url)
  }

  private constructor(child: ChildProcess, url: string) {
    this.#child = child
    this.#url = url
  }

  /** Asks for a stream, and reads it to its end. */
  async ask(body: object): Promise<Answered> {
    const start = performance.now()
    const response = await fetch(`${this.#url}/v1/chat/completions`, {
      method: 'POST',
      body: JSON.stringify({ ...body, stream: true, stream_options: { include_usage: true } }),
    })
    if (!response.ok || !response.body) throw new Error(`${response.status}: ${await response.text()}`)
    const decoder = new TextDecoder()
    let [rest, content, tokens] = ['', '', 0]
    let firstAnswerSeconds: number | undefined
    for await (const part of response.body as unknown as AsyncIterable<Uint8Array>) {
      const lines = (rest + decoder.decode(part, { stream: true })).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        if (!line.startsWith('data: {')) continue
        const { choices = [], usage, error } = JSON.parse(line.slice('data: '.length)) as Chunk
        if (error) throw new Error(error.message)
        const text = choices[0]?.delta.content ?? ''
        if (text !== '') firstAnswerSeconds ??= (performance.now() - start) / 1000
        content += text
        tokens = usage?.completion_tokens ?? tokens
      }
    }
    return { tokens, content, firstAnswerSeconds }
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const gone = new Promise((resolve) => this.#child.once('exit', resolve))
    this.#child.kill('SIGKILL')
    await gone
  }
}
