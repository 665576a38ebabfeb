/** The files of the page as they were built: each compressed once, by the build (`web/vite.config.ts`). */
import { readdirSync, readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'

export interface PageFile {
  readonly type: string
  readonly zipped: Buffer<ArrayBuffer>
  /** For the few who cannot unpack. */
  readonly content: Buffer<ArrayBuffer>
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.woff2': 'font/woff2',
  '.svg': 'image/svg+xml',
}

/** In the built package. */
const built = fileURLToPath(new URL('../web', import.meta.url))

/** By their paths in the address, `/index.html`; empty if the page was not built. */
export function readPageFiles(folder = built): ReadonlyMap<string, PageFile> {
  return new Map(
    namesIn(folder).map((name) => {
      const path = name.slice(folder.length).replaceAll('\\', '/').replace(/\.gz$/, '')
      const zipped = readFileSync(name)
      const type = types[extname(path)] ?? 'application/octet-stream'
      return [path, { type, zipped, content: gunzipSync(zipped) }]
    }),
  )
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith('.gz'))
      .map(({ parentPath, name }) => join(parentPath, name))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}
