/** The text that a model is calibrated with where none is given: the documentation, which is prose, tables and code. */
import { readdirSync, readFileSync } from 'node:fs'

export function builtInText(): string {
  const folder = new URL('../../../docs/', import.meta.url)
  const pages = readdirSync(folder)
    .filter((name) => name.endsWith('.md'))
    .sort()
  return pages.map((name) => readFileSync(new URL(name, folder), 'utf8')).join('\n')
}
