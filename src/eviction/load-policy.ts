/**
 * A user's own policy, from a TypeScript or JavaScript file. The file is run where this is called: in the engine's thread.
 * Checks its form; what it does is checked at each eviction (`check-policy.ts`).
 */
import { readFileSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as zod from 'zod'
import { InputError } from '../errors.ts'
import { definePolicy, isDefinition, type PolicyInput } from './define-policy.ts'
import { createJiti } from './jiti.ts'
import { withStdoutToStderr } from './policy-output.ts'
import { policySource } from './policy-source.ts'
import type { PolicyDefinition } from './policy.ts'

/** Whether a reference to a policy is a file and not a name. */
export function isPolicyFile(reference: string): boolean {
  return /^file:|[/\\]|\.[cm]?[jt]s$/.test(reference)
}

/**
 * Where the file of a user's policy is, as an absolute path.
 * @throws InputError `policy_not_loaded` if there is none
 */
function policyFile(reference: string): string {
  const path = reference.startsWith('file:') ? pathOfAddress(reference) : resolve(reference)
  if (path === undefined || !statSync(path, { throwIfNoEntry: false })?.isFile()) {
    throw new InputError('policy_not_loaded', `There is no policy file ${reference}. Check \`policy\`.`)
  }
  return path
}

/** Undefined for an address that names no file here, such as one of another host. */
function pathOfAddress(address: string): string | undefined {
  try {
    return fileURLToPath(address)
  } catch {
    return undefined
  }
}

interface LoadedPolicy {
  readonly files: readonly string[]
  /** Of all files, when they were read. */
  readonly stamp: string
  readonly definition: PolicyDefinition
}
const loaded = new Map<string, LoadedPolicy>()

/**
 * Runs a policy file and gives its default export; it is run again only when the file, or one that it imports
 * (`policySource`), has changed.
 * @param reference a path, relative to the working directory, or a `file:` address
 * @throws InputError `policy_not_loaded`, saying what is wrong with the file
 */
export function loadPolicy(reference: string): PolicyDefinition {
  const path = policyFile(reference)
  const known = loaded.get(path)
  if (known && known.stamp === stampOf(known.files)) return known.definition
  const { files, hash } = policySource(path)
  const stamp = stampOf(files)
  const exported = withStdoutToStderr(() => checked(reference, run(path, files)))
  const definition = { ...exported, file: path, hash }
  loaded.set(path, { files, stamp, definition })
  return definition
}

/** The policy in whose files an error was thrown, as its stack tells; undefined for what no policy threw. */
export function policyThatThrew(error: unknown): PolicyDefinition | undefined {
  const stack = error instanceof Error ? String(error.stack) : ''
  return [...loaded.values()].find(({ files }) => files.some((file) => stack.includes(file)))?.definition
}

/** Another one for files of which one has changed, by time or size. */
function stampOf(files: readonly string[]): string {
  return files
    .map((file) => {
      const stats = statSync(file, { throwIfNoEntry: false })
      return `${stats?.mtimeMs ?? 'gone'} ${stats?.size ?? 0}`
    })
    .join()
}

const { cache: nodeModules } = createRequire(import.meta.url)

function run(path: string, files: readonly string[]): unknown {
  try {
    // What Node reads by itself (JSON and CommonJS), it would never read again.
    for (const file of files) Reflect.deleteProperty(nodeModules, file)
    // The file's own imports of these must not bring in a second copy.
    const jiti = createJiti(path, {
      fsCache: false,
      moduleCache: false,
      virtualModules: { dynts: { definePolicy }, zod },
    })
    const module = jiti.evalModule(readFileSync(path, 'utf8'), { filename: path, id: path })
    return typeof module === 'object' && module !== null && 'default' in module ? module.default : module
  } catch (error) {
    // What `definePolicy` has to say of it.
    if (error instanceof InputError) throw notLoaded(`${basename(path)}: ${error.message}`, error)
    throw notLoaded(`${basename(path)} cannot be run: ${oneLine(error)}`, error)
  }
}

/** Whatever goes wrong here is the file's: its own code runs, getters included. */
function checked(reference: string, exported: unknown): PolicyDefinition {
  try {
    if (isDefinition(exported)) return exported
    if (typeof exported === 'object' && exported !== null) return definePolicy(exported as PolicyInput)
  } catch (error) {
    throw notLoaded(`${reference}: ${oneLine(error)}`, error)
  }
  throw notLoaded(`${reference}: its default export is no policy: see docs/adding-a-policy.md`)
}

function notLoaded(message: string, cause?: unknown): InputError {
  return new InputError('policy_not_loaded', message, { cause })
}

/** In one line, and not too long: a compiler's message goes on and on. */
function oneLine(error: unknown): string {
  try {
    const message = error instanceof Error && !(error instanceof InputError) ? `${error.name}: ${error.message}` : ''
    const text = message === '' ? String(error instanceof Error ? error.message : error) : message
    return text.replaceAll(/\s+/g, ' ').trim().slice(0, 240)
  } catch {
    return 'it threw something that has no text'
  }
}
