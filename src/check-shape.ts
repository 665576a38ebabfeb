/**
 * Checks the form of what a caller gave (JavaScript has no types at run time): the first thing that is wrong becomes an
 * InputError that names it, and for an unknown name the one that was probably meant.
 */
import { z } from 'zod'
import { beginning } from './beginning.ts'
import { didYouMean, didYouMeanStart } from './did-you-mean.ts'
import { InputError } from './errors.ts'

/** An object of these fields and no others. */
export function strictShape<Shape extends z.ZodRawShape>(shape: Shape): z.ZodObject<Shape, z.core.$strict> {
  const known = Object.keys(shape)
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys' ? unknownField(issue.keys[0] ?? '', known) : 'it must be an object',
  })
}

function unknownField(given: string, known: readonly string[]): string {
  const name = beginning(given)
  const hint = didYouMean(name, known)
  return `there is no field "${name}".${hint === '' ? ` Fields: ${known.join(', ')}.` : hint}`
}

/**
 * Refuses fields that are not known: in an object of options a misspelt name would have no effect.
 * @param fields all fields of T; the compiler sees to it
 * @throws InputError `invalid_option`, naming the field that was probably meant
 */
export function checkFields<T extends object>(
  given: T,
  fields: Readonly<Record<keyof T, boolean>>,
  what: string,
): void {
  const shape = Object.fromEntries(Object.keys(fields).map((name) => [name, z.unknown().optional()]))
  checkShape(strictShape(shape), given, 'invalid_option', what)
}

export const anyNumber = z.custom<number>(
  (value) => typeof value === 'number' && Number.isFinite(value),
  'it must be a number',
)
export const anyText = z.string('it must be a string')
export const yesOrNo = z.boolean('it must be true or false')
export const callable = z.custom<(...given: never[]) => unknown>(
  (value) => typeof value === 'function',
  'it must be a function',
)
/** One of these texts. */
export function oneOf<const T extends readonly [string, ...string[]]>(values: T): z.ZodEnum<{ [K in T[number]]: K }> {
  return z.enum(values, `it must be one of ${values.join(', ')}`)
}
export const abortSignal = z.custom<AbortSignal>(
  (value) => value instanceof AbortSignal,
  'it must be the signal of an AbortController',
)

/**
 * @param what is checked, e.g. `the request`: named where no field is
 * @throws InputError with `code`
 */
export function checkShape(schema: z.ZodType, given: unknown, code: string, what: string): void {
  const issue = firstIssue(schema, given)
  if (issue === undefined) return
  throw new InputError(code, `${issue.path === '' ? what : issue.path}: ${issue.message}`)
}

/** Undefined if nothing is wrong. */
export function firstIssue(schema: z.ZodType, given: unknown): { path: string; message: string } | undefined {
  const issues = schema.safeParse(given).error?.issues ?? []
  // A misspelt field leaves the right one missing as well: the name that was given says more.
  const isMisspelt = ({ code, message }: (typeof issues)[number]) =>
    code === 'unrecognized_keys' && message.includes(didYouMeanStart)
  const issue = issues.find(isMisspelt) ?? issues[0]
  return issue && { path: issue.path.join('.'), message: issue.message }
}
