/**
 * How llama.cpp divides a batch of one token for each of several sequences, each with a stream of cells of its own. Follows
 * `llama_batch_allocr::split_equal` (sequential) of v0.4 and v0.5. Needed to know which rows of an attention tensor belong to
 * which sequence.
 */

/**
 * The batch's entries, ubatch by ubatch, in the order of the streams in each. A ubatch begins with the first entry that is
 * left and takes, going on through the batch, every entry whose sequence id is one higher than the last taken.
 * @param sequenceIds the sequence id of each entry; no id occurs twice
 */
export function ubatchesOf(sequenceIds: ArrayLike<number>): number[][] {
  const ubatches: number[][] = []
  let left = Array.from(sequenceIds, (_, entry) => entry)
  while (left.length > 0) {
    const taken: number[] = []
    let last: number | undefined
    for (const entry of left) {
      if (last !== undefined && sequenceIds[entry] !== last + 1) continue
      taken.push(entry)
      last = sequenceIds[entry]
    }
    ubatches.push(taken)
    left = left.filter((entry) => !taken.includes(entry))
  }
  return ubatches
}
