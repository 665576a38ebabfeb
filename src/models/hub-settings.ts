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
  const endpoint = (given(env, 'HF_ENDPOINT') ?? DEFAULT_ENDPOINT).trim().replace(/\/+$/, '')
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined
  if (url !== undefined && (url.username !== '' || url.password !== '')) {
    throw new InputError(
      'hub_endpoint',
      'HF_ENDPOINT must not hold a user or a password. Put the access into HF_TOKEN.',
    )
  }
  if (url === undefined || !/^https?:\/\/[^/\s?#]+(\/[^\s?#]*)?$/.test(endpoint)) {
    const shown = JSON.stringify(endpoint.slice(0, 100))
    throw new InputError('hub_endpoint', `HF_ENDPOINT is ${shown}. Give an address that starts with https://.`)
  }
  return endpoint
}

/**
 * The user's token from `HF_TOKEN` or the file that `hf auth login` wrote; `undefined` without one.
 * @throws InputError `hub_token`, which names the variable or the file: what is there cannot be a token
 */
export async function hubToken(env: Environment = process.env): Promise<string | undefined> {
  for (const name of ['HF_TOKEN', 'HUGGING_FACE_HUB_TOKEN']) {
    const stated = given(env, name)
    if (stated !== undefined) return checkedToken(stated.trim(), name)
  }
  const path = expand(given(env, 'HF_TOKEN_PATH') ?? join(hubHome(env), 'token'))
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return ''
    throw new InputError(
      'hub_token',
      `The file of your token, ${path}, cannot be read (${code ?? 'unknown reason'}).`,
      {
        cause: error,
      },
    )
  })
  return text.trim() === '' ? undefined : checkedToken(text.trim(), `The file of your token, ${path},`)
}

/** A token is what RFC 6750 allows behind `Bearer`. Anything else would fail as a header, or be refused by the server. */
function checkedToken(token: string, holder: string): string {
  if (/^[\w.~+/-]+=*$/.test(token)) return token
  const advice = 'Give the token alone, e.g. hf_..., without quotes, spaces or line breaks.'
  throw new InputError('hub_token', `${holder} holds no access token: there is ${flawOf(token)} in it. ${advice}`)
}

/** What is wrong with a token, without showing any of it. */
function flawOf(token: string): string {
  if (/^bearer\b/i.test(token)) return 'the word "Bearer"'
  if (/[\r\n\u2028\u2029]/.test(token)) return 'a line break'
  if (/["'`\u2018-\u201f\u00ab\u00bb]/.test(token)) return 'a quote'
  if (/\s/.test(token)) return 'a space'
  return 'a character that no token has'
}

function given(env: Environment, name: string): string | undefined {
  const value = env[name]
  return value === undefined || value.trim() === '' ? undefined : value
}

function expand(path: string): string {
  return resolve(/^~([/\\]|$)/.test(path) ? homedir() + path.slice(1) : path)
}
