/** A key for each client, so that the server tells them apart. */
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Of whoever looks at the server from outside. */
export const observer = { name: 'observer', headers: { 'x-api-key': 'key-of-observer' } }

export function keyOf(client: number): string {
  return `key-of-client-${client}`
}

/** A file of keys as `--api-key-file` takes it. */
export function writeKeys(clients: number): string {
  const path = join(mkdtempSync(join(tmpdir(), 'dynts-soak-')), 'keys.txt')
  const lines = Array.from({ length: clients }, (_, client) => `client-${client}:${keyOf(client)}`)
  writeFileSync(path, [...lines, `${observer.name}:${observer.headers['x-api-key']}`, ''].join('\n'), { mode: 0o600 })
  return path
}
