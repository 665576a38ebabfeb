import { createHash } from 'node:crypto'

/** SHA-256 of a value as JSON: the same on every machine. */
export function jsonDigest(value: unknown): Buffer {
  return createHash('sha256').update(JSON.stringify(value)).digest()
}
