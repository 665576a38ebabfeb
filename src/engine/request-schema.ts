/**
 * The form of a request, checked at run time: requests come from JavaScript and from other machines too. Whether the values
 * fit together and fit the model is checked in `prepare.ts`.
 */
import { z } from 'zod'
import { InputError } from '../errors.ts'
import type { GenerateRequest } from './types.ts'

/** NaN and infinities included: what is wrong with them is said where the number is used. */
const number = z.custom<number>((value) => typeof value === 'number', 'it must be a number')
const message = z.object({ role: z.enum(['system', 'user', 'assistant']), content: z.string() })
const schema = z.object({
  prompt: z.union([
    z.object({ messages: z.array(message), enableThinking: z.boolean().optional() }),
    z.object({ text: z.string() }),
    z.object({ tokens: z.array(number) }),
  ]),
  policy: z.string().optional(),
  policyHash: z.string().optional(),
  policyOptions: z.record(z.string(), z.unknown()).optional(),
  protect: z.array(z.unknown()).optional(),
  budget: number.optional(),
  localWindow: number.optional(),
  ratio: number.optional(),
  sampling: z.record(z.string(), number.optional()).optional(),
  seed: number.optional(),
  maxTokens: number.optional(),
  thinkingBudget: number.optional(),
  stop: z.array(z.string()).optional(),
  replay: z.union([z.string(), z.array(number)]).optional(),
})

/** @throws InputError `invalid_request` naming the first field that is wrong */
export function checkRequest(request: GenerateRequest): void {
  const { error } = schema.safeParse(request)
  if (!error) return
  const issue = error.issues[0]
  const field = issue?.path.join('.') ?? ''
  throw new InputError(
    'invalid_request',
    field === 'prompt'
      ? 'prompt must be { messages: [{ role, content }] }, { text } or { tokens }'
      : `${field || 'the request'}: ${issue?.message ?? 'invalid'}`,
  )
}
