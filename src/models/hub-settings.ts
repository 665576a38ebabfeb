/** The environment variables of the Hugging Face tools: where the cache is, which server, whose token. */
import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { InputError } from '../errors.ts'
import { DEFAULT_ENDPOINT } from './reference.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** The folder of the Hub's cache: `HF_HUB_CACHE`, else `hub` in `HF_HOME`, else in the user's cache folder. */
export function hubCacheFolder(env: Environment = process.env): string {
  const stated = given(env, 'HF_HUB_CACHE') ?? given(env, 'HUGGINGFACE_HUB_CACHE')
  return stated === undefined ? join(hubHome(env), 'hub') : expand(stated)
}

function hubHome(env: Environment): string {
  const stated = given(env, 'HF_HOME')
  if (stated !== undefined) return expand(stated)
  return join(expand(given(env, 'XDG_CACHE_HOME') ?? join(homedir(), '.cache')), 'huggingface')
}

/** Whether the environment forbids the network (`HF_HUB_OFFLINE=1`). */
export function isOffline(env: Environment = process.env): boolean {
  const value = given(env, 'HF_HUB_OFFLINE') ?? given(env, 'TRANSFORMERS_OFFLINE') ?? ''
  return ['1', 'ON', 'YES', 'TRUE'].includes(value.toUpperCase())
}

/**
 * The server's address without a slash at its end.
 * @throws InputError `hub_endpoint`
 */
export function hubEndpoint(env: Environment = process.env): string {
  const endpoint = (given(env, 'HF_ENDPOINT') ?? DEFAULT_ENDPOINT).replace(/\/+$/, '')
  if (!/^https?:\/\/[^/]/.test(endpoint)) {
    throw new InputError('hub_endpoint', `HF_ENDPOINT is "${endpoint}". Give an address that starts with https://.`)
  }
  return endpoint
}

/** The user's token from `HF_TOKEN` or the file that `hf auth login` wrote; `undefined` without one. */
export async function hubToken(env: Environment = process.env): Promise<string | undefined> {
  const stated = given(env, 'HF_TOKEN') ?? given(env, 'HUGGING_FACE_HUB_TOKEN')
  if (stated !== undefined) return stated.trim()
  const path = expand(given(env, 'HF_TOKEN_PATH') ?? join(hubHome(env), 'token'))
  const text = await readFile(path, 'utf8').catch(() => '')
  return text.trim() === '' ? undefined : text.trim()
}

function given(env: Environment, name: string): string | undefined {
  const value = env[name]
  return value === undefined || value.trim() === '' ? undefined : value
}

function expand(path: string): string {
  return resolve(/^~([/\\]|$)/.test(path) ? homedir() + path.slice(1) : path)
}
