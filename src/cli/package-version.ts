import { readFileSync } from 'node:fs'

/** The version in package.json. */
export function packageVersion(): string {
  const json = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(json) as { version: string }).version
}
