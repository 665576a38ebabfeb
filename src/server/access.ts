/** Who may ask: the host that a request names, the page that it comes from, and its key. */
import { createHash, timingSafeEqual } from 'node:crypto'
import { hostname, networkInterfaces } from 'node:os'
import { ApiError, quoted } from './api-error.ts'

export interface ApiKey {
  readonly name: string
  readonly key: string
}

export interface AccessSettings {
  /** Names that a request may give as its host, in small letters, without port. */
  readonly hosts: ReadonlySet<string>
  /** Origins of pages that may ask, besides the server's own; `*` for all. */
  readonly origins: ReadonlySet<string>
  /** Empty: no key is needed. */
  readonly keys: readonly ApiKey[]
}

const loopbackNames = ['localhost', '127.0.0.1', '[::1]'] as const

const everywhere: ReadonlySet<string> = new Set(['0.0.0.0', '::'])

/**
 * The names that a request may give as its host: those of loopback, where the server listens, and what is allowed besides. A server
 * that listens everywhere is reached by each of the machine's addresses, and by its name.
 */
export function servedHosts(addresses: readonly string[], allowed: readonly string[]): ReadonlySet<string> {
  const own = Object.values(networkInterfaces()).flatMap((all) => all?.map(({ address }) => address) ?? [])
  const machine = addresses.some((address) => everywhere.has(address)) ? [...own, hostname()] : []
  const names = [...loopbackNames, ...addresses, ...machine, ...allowed]
  return new Set(names.map((name) => (name.includes(':') && !name.startsWith('[') ? `[${name}]` : name).toLowerCase()))
}

/**
 * A page of another site whose name leads to this machine gives that name as the host.
 * @throws ApiError `host_not_allowed`, `invalid_value`
 */
export function checkHost(host: string | undefined, { hosts }: AccessSettings): void {
  if (host === undefined || host === '') throw new ApiError(400, 'missing_field', 'the header Host is missing')
  const name = host.toLowerCase().replace(/:\d+$/, '')
  if (hosts.has(name)) return
  throw new ApiError(403, 'host_not_allowed', `the host ${quoted(name)} is not served here (dynts serve --allow-host)`)
}

/** Whether a page of this origin may read the answers. */
export function isAllowedOrigin(origin: string, host: string | undefined, { origins }: AccessSettings): boolean {
  return origins.has('*') || origins.has(origin) || origin === `http://${host}` || origin === `https://${host}`
}

/**
 * A page that a user happens to visit must not make the machine compute.
 * @throws ApiError `origin_not_allowed`
 */
export function checkOrigin(
  method: string,
  origin: string | undefined,
  host: string | undefined,
  settings: AccessSettings,
): void {
  if (origin === undefined || method === 'GET' || method === 'HEAD') return
  if (isAllowedOrigin(origin, host, settings)) return
  throw new ApiError(
    403,
    'origin_not_allowed',
    `pages of ${quoted(origin)} may not ask here (dynts serve --allow-origin)`,
  )
}

/** Compares digests, so that the time taken tells nothing of a key. */
export class KeyRing {
  readonly #keys: readonly { readonly name: string; readonly digest: Buffer }[]

  constructor(keys: readonly ApiKey[]) {
    this.#keys = keys.map(({ name, key }) => ({ name, digest: digestOf(key) }))
  }

  get isOpen(): boolean {
    return this.#keys.length === 0
  }

  /**
   * The name of the key that a request carries; undefined if none is needed.
   * @throws ApiError `invalid_api_key`
   */
  nameOf(authorization: string | undefined, apiKey: string | undefined): string | undefined {
    if (this.isOpen) return undefined
    const given = /^Bearer\s+(\S+)\s*$/i.exec(authorization ?? '')?.[1] ?? apiKey
    const digest = digestOf(given ?? '')
    const matches = this.#keys.filter((key) => timingSafeEqual(key.digest, digest))
    const [match] = matches
    if (given !== undefined && match) return match.name
    const what = given === undefined ? 'an API key is needed' : "the API key is not one of this server's"
    throw new ApiError(401, 'invalid_api_key', `${what}: send it as "Authorization: Bearer KEY"`)
  }
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
