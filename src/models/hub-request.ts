/**
 * One request to the Hub: with the user's token for the Hub's own host alone, and with what went wrong in words.
 */
import { PassingFailure, withBackOff } from '../back-off.ts'
import { EngineError, InputError } from '../errors.ts'

/** How to reach the Hub. */
export interface HubAccess {
  /** Without a slash at its end. */
  readonly endpoint: string
  readonly token?: string | undefined
  readonly signal?: AbortSignal | undefined
  /** Milliseconds before the first retry; doubles with each. */
  readonly retryMs?: number | undefined
  /** Milliseconds without a byte after which a connection counts as broken. */
  readonly stallMs?: number | undefined
}

const RETRIES = 4

/**
 * Tries work again as long as its failures may pass.
 * @param progress how far the work is; while it gets further, the retries are counted anew
 * @throws EngineError `network` when the tries are used up; what else `work` throws
 */
export async function withRetries<T>(access: HubAccess, work: () => Promise<T>, progress?: () => number): Promise<T> {
  try {
    return await withBackOff({ retries: RETRIES, signal: access.signal, firstMs: access.retryMs, progress }, work)
  } catch (error) {
    throw error instanceof PassingFailure ? unreachable(access, error) : error
  }
}

/**
 * One request. Redirects are followed; `fetch` sends the token to no other host than the first.
 * @throws PassingFailure if no answer came
 */
export async function request(access: HubAccess, input: string | URL | Request, init?: RequestInit): Promise<Response> {
  const headers = new Headers(init?.headers)
  headers.set('user-agent', `dynts; node/${process.versions.node}`)
  const address = input instanceof Request ? input.url : input
  if (access.token !== undefined && isHub(access, address)) headers.set('authorization', `Bearer ${access.token}`)
  const timeout = AbortSignal.timeout(access.stallMs ?? 60_000)
  const signals = [access.signal, init?.signal ?? timeout].filter((signal) => signal instanceof AbortSignal)
  try {
    return await fetch(input, { ...init, headers, signal: AbortSignal.any(signals) })
  } catch (error) {
    access.signal?.throwIfAborted()
    throw new PassingFailure(reason(error), { cause: error })
  }
}

/** Whether an address is on the Hub's own host: the same scheme, name and port. */
export function isHub({ endpoint }: HubAccess, address: string | URL): boolean {
  return new URL(address).origin === new URL(endpoint).origin
}

/** What a bad answer means; its body is dropped. */
export async function failureOf(
  response: Response,
  access: HubAccess,
  repo: string,
  revision: string,
): Promise<PassingFailure | InputError | EngineError> {
  const { status, headers } = response
  const { endpoint, token } = access
  await response.body?.cancel().catch(() => undefined)
  const code = headers.get('x-error-code')
  const isPage = isWebPage(response) && code === null && status < 500 && status !== 429
  if (isPage || status === 511) return notTheHub(access, response, `with status ${status}`)
  if (status === 408 || status === 429 || status >= 500) {
    const seconds = Number(headers.get('retry-after'))
    return new PassingFailure(`status ${status}`, { waitMs: seconds > 0 ? Math.min(seconds, 60) * 1000 : 0 })
  }
  if (code === 'GatedRepo' || status === 403) {
    const login = token === undefined ? ', and set HF_TOKEN to your access token' : ' with the account of your token'
    return new InputError('model_access', `${repo} is gated: accept its licence at ${endpoint}/${repo}${login}.`)
  }
  if (status === 401) {
    const advice =
      token === undefined
        ? 'does not exist or is private. Check the name, or set HF_TOKEN to your access token'
        : 'cannot be read with your token. Check the name and the token in HF_TOKEN'
    return new InputError('model_access', `${repo} ${advice}.`)
  }
  if (status === 404) {
    if (code === 'RevisionNotFound') {
      return new InputError('model_not_found', `${repo} has no revision ${revision}. Check the part behind the @.`)
    }
    return new InputError('model_not_found', `${repo} is not on ${endpoint}. Check the name.`)
  }
  return new EngineError('hub_failed', `${endpoint} answered with status ${status} for ${repo}.`)
}

/** Whether an answer says that it is a page for people, which nothing of a repository ever is. */
export function isWebPage({ headers }: Response): boolean {
  return /^\s*(text\/html|application\/xhtml\+xml)\b/i.test(headers.get('content-type') ?? '')
}

/** The first thing that a web page has, in any letters. */
export function startsLikeWebPage(text: string): boolean {
  return /^\uFEFF?\s*<(!doctype\s+html|html|head|meta|script|title|body)\b/i.test(text)
}

/**
 * What came is not from the Hub.
 * @param how what shows it, e.g. `with a web page`
 */
export function notTheHub({ endpoint }: HubAccess, { url }: Response, how: string): EngineError {
  const host = URL.canParse(url) ? new URL(url).origin : endpoint
  const where = host === new URL(endpoint).origin ? endpoint : `${endpoint} (redirected to ${host})`
  return new EngineError(
    'network',
    `${where} answered ${how}: probably a proxy or a login page is in between. Log in to the network, or check HTTPS_PROXY and HF_ENDPOINT, and run the command again; what was downloaded before is kept.`,
  )
}

function unreachable({ endpoint }: HubAccess, error: Error): EngineError {
  const message = `${endpoint} cannot be reached (${error.message}). Check the connection, and your proxy if you have one, and try again.`
  return new EngineError('network', message, { cause: error })
}

/** The innermost reason of a failed `fetch`. */
export function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { cause, code } = error as NodeJS.ErrnoException
  // A proxy that wants a password (407) gives `fetch` a cause without a message.
  const isCauseKnown = cause instanceof Error && (cause.message !== '' || 'code' in cause || cause.cause !== undefined)
  if (isCauseKnown) return reason(cause)
  return error.message === '' ? (code ?? error.name) : error.message
}
