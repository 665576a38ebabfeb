/**
 * The files that a user's policy is made of, and the hash by which records tell one version of it from another. Reads them;
 * runs nothing.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { relative, sep } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { createJiti, type Jiti } from './jiti.ts'

export interface PolicySource {
  /** Absolute paths: the policy's own file, and after it all that it imports by relative paths, directly or not. */
  readonly files: readonly string[]
  /**
   * SHA-256, in hexadecimal: of the content of a file that imports none, else of the contents of all and their paths relative
   * to the first.
   */
  readonly hash: string
}

/** What jiti compiles `import`, `export ... from`, `require` and `import()` of a relative path to. */
const relativeImport = /\b(?:require|jitiImport)\(\s*(["'`])(\.{1,2}(?:\/[^"'`]*)?)\1\s*\)/g

/**
 * Finds the files of a policy. An import whose path is computed is not seen, nor are packages, and files that the code opens by
 * itself.
 * @param path absolute
 * @throws what the file system throws
 */
export function policySource(path: string): PolicySource {
  const jiti = createJiti(path, { fsCache: false, moduleCache: false })
  const contents = new Map<string, Buffer>()
  const files = new Set([path])
  // A set goes on to what is added to it meanwhile.
  for (const file of files) {
    const content = readFileSync(file)
    contents.set(file, content)
    for (const imported of importsOf(jiti, file, content.toString())) files.add(imported)
  }
  const hashes = Array.from(contents, ([file, content]) => [relative(path, file).replaceAll(sep, '/'), sha256(content)])
  const [[, own = ''] = []] = hashes
  return { files: [...files], hash: hashes.length === 1 ? own : sha256(JSON.stringify(hashes)) }
}

/** Files that a file imports; none of one that is no code, or cannot be compiled: running it says what is wrong with it. */
function importsOf(jiti: Jiti, filename: string, source: string): string[] {
  if (!/\.[cm]?[jt]sx?$/.test(filename)) return []
  try {
    const ts = /\.[cm]?tsx?$/.test(filename)
    const code = jiti.transform({ source, filename, ts, babel: { comments: false } })
    return [...code.matchAll(relativeImport)].flatMap(([, , specifier = '']) => {
      const found = jiti.esmResolve(specifier, { parentURL: pathToFileURL(filename), try: true })
      return found === undefined ? [] : [fileURLToPath(found)]
    })
  } catch {
    return []
  }
}

function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex')
}
