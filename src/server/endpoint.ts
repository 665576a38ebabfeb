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
  /** By `performance.now`. */
  readonly arrivedAt: number
  /** Of every response. */
  readonly headers: Readonly<Record<string, string>>
  /** Aborted when the client leaves. */
  readonly signal: AbortSignal
}

/** What it means, and what it may be: a pattern. */
export interface QueryField {
  readonly meaning: string
  readonly pattern?: string
  readonly isRequired?: boolean
}

export type ContentType = 'text/plain' | 'text/html' | 'application/json' | '*/*'

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
  /** Names of what may stand behind the path. */
  readonly query?: Readonly<Record<string, QueryField>>
  /** What it gives: JSON of a form, or something of a content type. Neither: a stream of events, or nothing. */
  readonly answer?: NamedSchema | ContentType
  /** What it gives as a stream of events, always or if it is asked to. */
  readonly event?: NamedSchema
  /** @throws ApiError */
  readonly handle: (state: ServerState, call: Call) => Response | Promise<Response>
}
