/**
 * A user's own policy, from a TypeScript or JavaScript file. The file is run where this is called: in the engine's thread.
 * Checks its form; what it does is checked at each eviction (`check-policy.ts`).
 */
import { readFileSync, statSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createJiti } from 'jiti'
import * as zod from 'zod'
import { InputError } from '../errors.ts'
import { definePolicy, type PolicyInput } from './define-policy.ts'
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
  const path = reference.startsWith('file:') ? fileURLToPath(reference) : resolve(reference)
  if (!statSync(path, { throwIfNoEntry: false })?.isFile()) {
    throw new InputError('policy_not_loaded', `There is no policy file ${reference}. Check --policy.`)
  }
  return path
}

const loaded = new Map<string, { readonly mtimeMs: number; readonly definition: PolicyDefinition }>()

/**
 * Runs a policy file and gives its default export; a file that has not changed is run once.
 * @param reference a path, relative to the working directory, or a `file:` address
 * @throws InputError `policy_not_loaded`, saying what is wrong with the file
 */
export function loadPolicy(reference: string): PolicyDefinition {
  const path = policyFile(reference)
  const { mtimeMs } = statSync(path)
  const known = loaded.get(path)
  if (known?.mtimeMs === mtimeMs) return known.definition
  const definition = { ...checked(reference, run(path)), file: path }
  loaded.set(path, { mtimeMs, definition })
  return definition
}

function run(path: string): unknown {
  try {
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
