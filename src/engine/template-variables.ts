/** The form of what a chat template is given besides the messages. */
import { z } from 'zod'
import { ownTemplateVariables } from '../llama/index.ts'

function isPlain(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  return Object.values(value).every((one) => one === null || ['string', 'number', 'boolean'].includes(typeof one))
}

export const templateVariables = z
  .custom<object>(isPlain, 'it must be an object of texts, numbers, true, false and null')
  .refine((given) => !ownTemplateVariables.some((name) => name in given), {
    error: `it must not have what is given anyway: ${ownTemplateVariables.join(', ')}`,
  })
