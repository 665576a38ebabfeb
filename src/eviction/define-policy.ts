/**
 * How a user writes a policy: `export default definePolicy({ ... })`. Its form is checked, and what is left out gets a
 * value. A policy file gets this module as `dynts`.
 */
import { z } from 'zod'
import type { Protection } from '../cache/windows.ts'
import { callable, firstIssue, strictShape } from '../check-shape.ts'
import { InputError } from '../errors.ts'
import type { EvictionPolicy, PolicyContext, PolicyDefinition, Signal } from './policy.ts'

/** A policy as its author writes it. */
export interface PolicyInput<Options extends z.ZodObject = z.ZodObject> {
  /** Lower-case words with hyphens between them. */
  readonly name: string
  /** One line, without a full stop. Default: the name. */
  readonly summary?: string
  /** Default: none. */
  readonly needs?: Iterable<Signal>
  /** See `PolicyDefinition`; a number, or what the options make of it. */
  readonly queries?: number | ((options: z.output<Options>) => number)
  /** Default: none. */
  readonly options?: Options
  /** Cells that never leave, or what the options make of them. Default: question, local window and answer. */
  readonly protects?: Protection | ((options: z.output<Options>) => Protection)
  /** Called once for each sequence. */
  create(options: z.output<Options>, context: PolicyContext): EvictionPolicy
}

const flag = z.boolean('it must be true or false')
export const protectionSchema = strictShape({
  question: flag,
  localWindow: flag,
  answer: flag,
  sinks: z.int('it must be a whole number').min(0, 'it must be at least 0').optional(),
})
const signals = ['hidden-state', 'entropy', 'attention', 'keys', 'values', 'calibration'] as const
const inputFields = {
  name: z
    .string('it must be a string')
    .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'it must be lower-case words with hyphens between them'),
  summary: z.string('it must be a string').optional(),
  needs: z
    .custom<Iterable<string>>((value) => Array.isArray(value) || value instanceof Set, 'it must be an array or a Set')
    .refine((needs) => [...needs].every((signal) => signals.some((known) => known === signal)), {
      error: `it may have ${signals.join(', ')}`,
    })
    .optional(),
  queries: z
    .custom<number>(
      (value) => typeof value === 'function' || (Number.isInteger(value) && (value as number) >= 1),
      'it must be a whole number of at least 1, or a function',
    )
    .optional(),
  // Another copy of zod may have made it.
  options: z
    .custom<z.ZodObject>((value) => typeof value === 'object' && value !== null && '_zod' in value, {
      error: 'it must be a z.object of zod 4',
    })
    .optional(),
  create: callable,
}
/** `protects` in either form. */
const inputSchemas = {
  object: strictShape({ ...inputFields, protects: protectionSchema.optional() }),
  function: strictShape({ ...inputFields, protects: callable }),
}

const protectsAll: Protection = { question: true, localWindow: true, answer: true }

const defined = new WeakSet<PolicyDefinition>()

/** Whether this is what `definePolicy` gives. */
export function isDefinition(value: unknown): value is PolicyDefinition {
  return typeof value === 'object' && value !== null && defined.has(value as PolicyDefinition)
}

/**
 * Checks a policy's form, and fills in what its author left out.
 * @throws InputError `policy_not_loaded`, naming the field that is wrong
 */
export function definePolicy<Options extends z.ZodObject = z.ZodObject>(input: PolicyInput<Options>): PolicyDefinition {
  checkInput(input)
  const { name, summary = name, needs = [], queries, protects = protectsAll } = input
  const definition: PolicyDefinition = {
    name,
    summary,
    evicts: true,
    needs: new Set(needs),
    ...(queries === undefined
      ? {}
      : { queries: (options) => (typeof queries === 'function' ? queries(options as z.output<Options>) : queries) }),
    options: input.options ?? z.object({}),
    protects: (options) => (typeof protects === 'function' ? protects(options as z.output<Options>) : protects),
    create: (options, context) => input.create(options as z.output<Options>, context),
  }
  defined.add(definition)
  return definition
}

function checkInput(input: unknown): void {
  const isPlain = typeof input === 'object' && input !== null
  if (!isPlain) throw new InputError('policy_not_loaded', 'it is no policy: see docs/adding-a-policy.md')
  const form = 'protects' in input && typeof input.protects === 'function' ? 'function' : 'object'
  const issue = firstIssue(inputSchemas[form], input)
  if (!issue) return
  throw new InputError('policy_not_loaded', `${issue.path}${issue.path === '' ? '' : ': '}${issue.message}`)
}
