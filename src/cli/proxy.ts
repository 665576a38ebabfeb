/**
 * `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`, in capitals or not: Node's `fetch` does not know them by itself. This changes
 * `fetch` for the whole process, so only the command line does it.
 */
import { InputError } from '../errors.ts'
import type { Environment } from '../models/hub-settings.ts'

/** What requests go through; empty: nothing. */
export interface ProxySettings {
  readonly httpProxy: string
  /** Without one of its own, https goes through `httpProxy` as well. */
  readonly httpsProxy: string
  /** Hosts that are reached directly. */
  readonly noProxy: string
}

/**
 * Undefined: no proxy is wanted.
 * @throws InputError `invalid_proxy`
 */
export function proxySettings(env: Environment): ProxySettings | undefined {
  const httpProxy = proxyFrom(env, 'http_proxy')
  const httpsProxy = proxyFrom(env, 'https_proxy')
  if (httpProxy === '' && httpsProxy === '') return undefined
  const entries = stated(env, 'no_proxy')?.value.split(/[\s,]+/) ?? []
  return { httpProxy, httpsProxy, noProxy: entries.map(bracketed).join(',') }
}

/**
 * Sends every later `fetch` of this process through the proxy that the environment names, if it names one.
 * @throws InputError `invalid_proxy`
 */
export async function useProxy(env: Environment): Promise<void> {
  const settings = proxySettings(env)
  if (!settings) return
  const { EnvHttpProxyAgent, setGlobalDispatcher } = await import('undici')
  // Many proxies open a tunnel to https only.
  setGlobalDispatcher(new EnvHttpProxyAgent({ ...settings, proxyTunnel: false }))
}

function proxyFrom(env: Environment, variable: string): string {
  const { name, value } = stated(env, variable) ?? { name: variable, value: '' }
  if (value === '') return ''
  const address = /^[a-z0-9+.-]+:\/\//i.test(value) ? value : `http://${value}`
  const url = URL.canParse(address) ? new URL(address) : undefined
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return address
  throw new InputError(
    'invalid_proxy',
    `${name} must be http://HOST:PORT, or https://; it may hold a password, so it is not shown`,
  )
}

/** As curl does it: the name in small letters counts first. */
function stated(env: Environment, variable: string): { readonly name: string; readonly value: string } | undefined {
  for (const name of [variable, variable.toUpperCase()]) {
    const value = env[name]?.trim() ?? ''
    if (value !== '') return { name, value }
  }
  return undefined
}

/** The end of an IPv6 address would be taken for a port. */
function bracketed(host: string): string {
  return /^[^[]*:.*:/.test(host) ? `[${host}]` : host
}
