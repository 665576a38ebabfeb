/**
 * How a user writes a policy: `export default definePolicy({ ... })`. What is left out gets a value here. A policy file gets
 * this module as `dynts`.
 */
import { z } from 'zod'
import type { Protection } from '../cache/windows.ts'
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

const protectsAll: Protection = { question: true, localWindow: true, answer: true }

/** Fills in what a policy's author left out. */
export function definePolicy<Options extends z.ZodObject = z.ZodObject>(input: PolicyInput<Options>): PolicyDefinition {
  const { name, summary = name, needs = [], queries, protects = protectsAll } = input
  return {
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
}
