/** What the policies that look at cached keys and values share. */
import type { CachedKeys, CachedValues, CachedVectors, HeldCells } from './policy.ts'

/** The keys that the engine owes to a policy that needs them. */
export function suppliedKeys({ keys }: HeldCells): CachedKeys {
  if (!keys) throw new Error('No keys were supplied.')
  return keys
}

/** The values that the engine owes to a policy that needs them. */
export function suppliedValues({ values }: HeldCells): CachedValues {
  if (!values) throw new Error('No values were supplied.')
  return values
}

/** The rows of these positions. */
export function rowsOf({ positions }: CachedVectors, wanted: Int32Array): Int32Array {
  const rows = new Map(Array.from(positions, (position, row) => [position, row]))
  return wanted.map((position) => {
    const row = rows.get(position)
    if (row === undefined) throw new Error(`Position ${position} has no row.`)
    return row
  })
}

/** Keys and values of each layer together. */
export function* layerPairs(
  keys: Iterable<Float32Array>,
  values: Iterable<Float32Array>,
): Generator<readonly [Float32Array, Float32Array], void, undefined> {
  const others = values[Symbol.iterator]()
  for (const ofKeys of keys) {
    const next = others.next()
    if (next.done === true) throw new Error('There are fewer layers of values than of keys.')
    yield [ofKeys, next.value]
  }
}
