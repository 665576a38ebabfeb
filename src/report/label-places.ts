/** Where labels stand that would hide each other at the places of what they name. */

/**
 * The nearest places, by the sum of squared distances, that keep the order and are `gap` apart.
 * @param wanted the places of what is named, in any unit and order
 * @param bounds of all places; if not all fit between them, only the lower holds
 * @returns shape [wanted]
 */
export function labelPlaces(
  wanted: readonly number[],
  gap: number,
  { low, high }: { readonly low: number; readonly high: number },
): number[] {
  const order = wanted.map((_, i) => i).sort((a, b) => (wanted[a] ?? 0) - (wanted[b] ?? 0))
  // Less the gaps below each, it is enough that places do not fall: those that would are pooled at their mean.
  const pools: { sum: number; count: number }[] = []
  for (const [rank, index] of order.entries()) {
    let pool = { sum: (wanted[index] ?? 0) - rank * gap, count: 1 }
    for (let last = pools.at(-1); last && meanOf(last) >= meanOf(pool); last = pools.at(-1)) {
      pools.pop()
      pool = { sum: last.sum + pool.sum, count: last.count + pool.count }
    }
    pools.push(pool)
  }
  const room = high - (wanted.length - 1) * gap
  const places = pools.flatMap((pool) =>
    Array.from({ length: pool.count }, () => Math.max(low, Math.min(room, meanOf(pool)))),
  )
  const ranks = new Map(order.map((index, rank) => [index, rank]))
  return wanted.map((_, i) => {
    const rank = ranks.get(i) ?? 0
    return (places[rank] ?? 0) + rank * gap
  })
}

function meanOf({ sum, count }: { sum: number; count: number }): number {
  return sum / count
}
