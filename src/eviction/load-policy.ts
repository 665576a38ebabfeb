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
import { definePolicy, type PolicyInput } from './define-policy.ts'
import { createJiti } from './jiti.ts'
import { policySource } from './policy-source.ts'
import type { PolicyDefinition } from './policy.ts'

const { z } = zod
const callable = z.custom<() => unknown>((value) => typeof value === 'function', 'it must be a function')
const protection = z.strictObject({
  question: z.boolean(),
  localWindow: z.boolean(),
  answer: z.boolean(),
  sinks: z.int().min(0).optional(),
})
const signals = ['hidden-state', 'attention', 'keys'] as const
const schema = z.looseObject({
  name: z.string().regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'it must be lower-case words with hyphens between them'),
  summary: z.string().optional(),
  needs: z
    .custom<Iterable<string>>((value) => Array.isArray(value) || value instanceof Set, 'it must be an array or a Set')
    .refine((needs) => [...needs].every((signal) => signals.some((known) => known === signal)), {
      error: `it may have ${signals.join(', ')}`,
    })
    .optional(),
  queries: z.union([z.int().min(1), callable]).optional(),
  // Another copy of zod may have made it.
  options: z
    .custom<zod.z.ZodObject>((value) => typeof value === 'object' && value !== null && '_zod' in value, {
      error: 'it must be a z.object of zod 4',
    })
    .optional(),
  protects: z.union([protection, callable]).optional(),
  create: callable,
})

/** Whether a reference to a policy is a file and not a name. */
export function isPolicyFile(reference: string): boolean {
  return /^file:|[/\\]|\.[cm]?[jt]s$/.test(reference)
}

/**
 * Where the file of a user's policy is, as an absolute path.
 * @throws InputError `policy_not_loaded` if there is none
 */
export function policyFile(reference: string): string {
  const path = reference.startsWith('file:') ? pathOfAddress(reference) : resolve(reference)
  if (path === undefined || !statSync(path, { throwIfNoEntry: false })?.isFile()) {
    throw new InputError('policy_not_loaded', `There is no policy file ${reference}. Check --policy.`)
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
  const definition = { ...checked(reference, run(path, files)), file: path, hash }
  loaded.set(path, { files, stamp, definition })
  return definition
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
    throw new InputError('policy_not_loaded', `${basename(path)} cannot be run: ${oneLine(error)}`, { cause: error })
  }
}

function checked(reference: string, exported: unknown): PolicyDefinition {
  const { data, error } = schema.safeParse(exported)
  if (data) return definePolicy(data as unknown as PolicyInput)
  const [issue] = error.issues
  const field = issue?.path.join('.') ?? ''
  const what =
    field === '' ? 'its default export is no policy: see docs/adding-a-policy.md' : `${field}: ${issue?.message ?? ''}`
  throw new InputError('policy_not_loaded', `${reference}: ${what}`)
}

/** In one line, and not too long: a compiler's message goes on and on. */
function oneLine(error: unknown): string {
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  return message.replaceAll(/\s+/g, ' ').trim().slice(0, 240)
}
