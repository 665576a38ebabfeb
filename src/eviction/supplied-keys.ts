/** What the policies that look at cached keys share. */
import type { CachedKeys, HeldCells } from './policy.ts'

/** The keys that the engine owes to a policy that needs them. */
export function suppliedKeys({ keys }: HeldCells): CachedKeys {
  if (!keys) throw new Error('No keys were supplied.')
  return keys
}
