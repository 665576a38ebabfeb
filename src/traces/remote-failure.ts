/**
 * What a failed request to an OpenAI-compatible server means for the run: wait and try again, or give up. Sends nothing.
 */
import OpenAI from 'openai'
import { z } from 'zod'
import { InputError } from '../errors.ts'
import { PassingFailure } from '../back-off.ts'

/** What a failure means: it may pass, or it will not. Anything unknown is passed on. */
export function failureOf(error: unknown, url: string): Error {
  if (error instanceof OpenAI.APIConnectionError) return new PassingFailure(reason(error), { cause: error })
  if (error instanceof OpenAI.APIError) {
    const { status, headers, error: body } = error as ApiFailure
    const said = whatItSaid(body, error.message)
    if (status === undefined) return new PassingFailure(said, { cause: error })
    if ([408, 409, 425, 429].includes(status) || status >= 500) {
      const waitMs = retryAfter(headers?.get('retry-after'))
      const isAnswer = status >= 500 && status !== 503
      return new PassingFailure(`status ${status}: ${said}`, { cause: error, waitMs, isAnswer })
    }
    const advice = /\b(top_k|min_p)\b/.test(said) ? notKnown : statusAdvice[status]
    const code = advice === undefined && refusals.has(status) ? 'request_refused' : 'endpoint_refused'
    return new InputError(code, `${url} answered with status ${status}: ${said}.${advice ?? ''}`, { cause: error })
  }
  // `fetch` throws a TypeError for a connection that breaks while it reads; of other errors only those with a cause.
  if (error instanceof TypeError && (error.cause !== undefined || error.message === 'terminated')) {
    return new PassingFailure(`the connection was cut (${reason(error)})`, { cause: error })
  }
  if (error instanceof SyntaxError) {
    return new PassingFailure('its answer is not JSON', { cause: error, mostRetries: 2 })
  }
  return error instanceof Error ? error : new Error(String(error))
}

/** What the client's errors carry; an error inside a stream has no status. */
interface ApiFailure {
  readonly status: number | undefined
  readonly headers: Headers | undefined
  /** The answer's `error`. */
  readonly error: unknown
}

const statusAdvice: Readonly<Record<number, string>> = {
  401: ' Check the API key (`apiKey`).',
  403: ' Check the API key (`apiKey`).',
  404: ' Check `endpoint` and `endpointModel`.',
}

/** It is what this request asks that the server refuses, e.g. a prompt that is too long for it. */
const refusals: ReadonlySet<number> = new Set([400, 413, 422])

const notKnown = ' If it does not know these options: `topK: 0` and `minP: 0` leave them out.'

/** One line of at most 300 characters: servers answer with whole pages. */
function whatItSaid(body: unknown, otherwise: string): string {
  const parsed = z.object({ message: z.string() }).safeParse(body)
  const text = parsed.success ? parsed.data.message : otherwise
  const line = text.replaceAll(/\s+/g, ' ').replace(/\.$/, '').trim()
  return line.length > 300 ? `${line.slice(0, 300)} ...` : line
}

/** Milliseconds: the header has seconds or a date. At most five minutes. */
function retryAfter(header: string | null | undefined): number {
  if (!header) return 0
  const seconds = Number(header)
  const waitMs = Number.isNaN(seconds) ? Date.parse(header) - Date.now() : seconds * 1000
  return waitMs > 0 ? Math.min(waitMs, 300_000) : 0
}

/** The innermost reason of a failed `fetch`. */
function reason(error: Error): string {
  if (error.cause instanceof Error) return reason(error.cause)
  return error.message === '' ? ((error as NodeJS.ErrnoException).code ?? error.name) : error.message
}
