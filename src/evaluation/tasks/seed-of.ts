/**
 * Seeds that depend on what they are for, and on nothing else: neither on the machine nor on the order of work.
 */
import { createHash } from 'node:crypto'

/** 32 bits of a SHA-256 of the parts. */
export function seedOf(...parts: readonly (string | number)[]): number {
  return createHash('sha256').update(JSON.stringify(parts)).digest().readUInt32LE()
}
