/** Who may use a server: its keys, and what would leave it open to others. */
import { InputError } from '../../errors.ts'
import { readWholeText } from '../../records/input-file.ts'
import type { ApiKey } from '../../server/access.ts'
import type { ServeFlags } from './serve-options.ts'

const keyFileCodes = { missing: 'key_file_not_found', invalid: 'invalid_key_file' }

/** @throws InputError `invalid_option`, `key_file_not_found`, `invalid_key_file` */
export function keysOf({ apiKey, apiKeyFile }: Pick<ServeFlags, 'apiKey' | 'apiKeyFile'>): ApiKey[] {
  // It would be a key that everybody has.
  if (apiKey?.trim() === '') throw new InputError('invalid_option', '--api-key is empty')
  const given = apiKey === undefined ? [] : [{ name: 'default', key: apiKey }]
  if (apiKeyFile === undefined) return given
  const lines = readWholeText(apiKeyFile, keyFileCodes)
    .split('\n')
    .map((line) => line.replace(/#.*$/, '').trim())
  const filed = lines
    .filter((line) => line !== '')
    .map((line, i) => {
      const [, name, key] = /^([^:\s]+):(\S+)$/.exec(line) ?? []
      return { name: name ?? `key ${i + 1}`, key: key ?? line }
    })
  if (filed.length === 0) throw new InputError(keyFileCodes.invalid, `${apiKeyFile} has no key`)
  return [...given, ...filed]
}

/** @throws InputError `invalid_option` for a server that anyone could use by mistake */
export function checkReach({ host, auth, allowOrigin }: ServeFlags, keys: readonly ApiKey[]): void {
  const open = host.find((address) => !/^(?:127\.|localhost$|::1$)/.test(address))
  if (open !== undefined && keys.length === 0 && auth) {
    throw new InputError(
      'invalid_option',
      `--host ${open} is open to others: give --api-key or --api-key-file, or --no-auth if that is meant`,
    )
  }
  if (open !== undefined && keys.length === 0)
    process.stderr.write(`warning: anyone who reaches ${open} can use this server\n`)
  if (allowOrigin?.includes('*') === true && keys.length === 0) {
    throw new InputError(
      'invalid_option',
      '--allow-origin * lets every page that is open in a browser here use the server: it needs a key',
    )
  }
}
