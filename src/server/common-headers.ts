/** Headers of every response. */
import { randomUUID } from 'node:crypto'

const security = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
}

/**
 * @param version of dynts
 * @param requestId as the client gives it: taken if it is harmless, else there is a new one
 */
export function commonHeaders(version: string, requestId?: string | null): Record<string, string> {
  const isTaken = /^[A-Za-z0-9_-]{1,64}$/.test(requestId ?? '')
  return {
    ...security,
    'x-request-id': isTaken && requestId ? requestId : randomUUID(),
    'x-dynts-version': version,
  }
}
