/** What an endpoint is. The list of all is in `endpoints.ts`. */
import type { NamedSchema } from './openapi/answers.ts'
import type { ServerState } from './server-state.ts'

/** A request that has passed all checks. */
export interface Call {
  readonly request: Request
  readonly url: URL
  /** The part of the path that a `:name` stands for. */
  readonly params: Readonly<Record<string, string>>
  /** The key's name, or where the request comes from. */
  readonly client: string
  readonly requestId: string
  /** Of every response. */
  readonly headers: Readonly<Record<string, string>>
  /** Aborted when the client leaves. */
  readonly signal: AbortSignal
}

export interface Endpoint {
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** `/v1/models/:id`: a part may be anything. */
  readonly path: string
  /** Further paths to the same. */
  readonly also?: readonly string[]
  readonly summary: string
  /** Whether a key is needed, where there are keys. */
  readonly needsKey: boolean
  /** What it takes as JSON. */
  readonly body?: NamedSchema
  /** Names and meanings of what may stand behind the path. */
  readonly query?: Readonly<Record<string, string>>
  /** What it gives: JSON, or text. Neither: a stream of events, or nothing. */
  readonly answer?: NamedSchema | 'text'
  /** What it gives as a stream of events, always or if it is asked to. */
  readonly event?: NamedSchema
  /** @throws ApiError */
  readonly handle: (state: ServerState, call: Call) => Response | Promise<Response>
}
