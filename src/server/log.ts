/** The server's log: JSON lines on stderr; on a terminal, lines to read. */
export const logLevels = ['error', 'warn', 'info', 'silent'] as const
export type LogLevel = (typeof logLevels)[number]

export type LogFields = Readonly<Record<string, unknown>>

export class Log {
  readonly #level: number
  readonly #isTerminal: boolean
  readonly #write: (line: string) => void

  constructor(level: LogLevel, isTerminal: boolean, write: (line: string) => void) {
    this.#level = level === 'silent' ? -1 : logLevels.indexOf(level)
    this.#isTerminal = isTerminal
    this.#write = write
  }

  error(message: string, fields: LogFields = {}): void {
    this.#say('error', message, fields)
  }

  warn(message: string, fields: LogFields = {}): void {
    this.#say('warn', message, fields)
  }

  info(message: string, fields: LogFields = {}): void {
    this.#say('info', message, fields)
  }

  #say(level: LogLevel, message: string, fields: LogFields): void {
    if (logLevels.indexOf(level) > this.#level) return
    const time = new Date().toISOString()
    this.#write(
      `${this.#isTerminal ? readable(time, level, message, fields) : JSON.stringify({ time, level, msg: message, ...fields })}\n`,
    )
  }
}

function readable(time: string, level: string, message: string, fields: LogFields): string {
  const told = Object.entries(fields).filter(([, value]) => value !== undefined && value !== null)
  const pairs = told.map(
    ([name, value]) =>
      `${name}=${typeof value === 'string' && /^[\w.:/-]+$/.test(value) ? value : JSON.stringify(value)}`,
  )
  return [time.slice(11, 19), level === 'info' ? '' : level, message, ...pairs].filter((part) => part !== '').join(' ')
}
