/**
 * What the predictor reads of the memory: all of its weights for each token, or once for a block of tokens whose scoring was
 * deferred until an eviction asks for it. The operations are the same.
 */

/**
 * K above which a step reads less than without a bound after n evictions, if every token is scored at once. The cells that
 * have left save `bytesPerCell` each; the predictor reads all its weights.
 */
export function breakEvenAtOnce(evictions: number, bytesPerCell: number, predictorBytes: number): number {
  return predictorBytes / (evictions * bytesPerCell)
}

/**
 * The same with deferred scoring, as a mean over the K tokens between two evictions: they are one block, or several if K is
 * above the length of a block.
 */
export function breakEvenDeferred(
  evictions: number,
  bytesPerCell: number,
  predictorBytes: number,
  blockLength: number,
): number {
  const atOnce = breakEvenAtOnce(evictions, bytesPerCell, predictorBytes)
  // One block: n K bytesPerCell > predictorBytes / K.
  return Math.max(Math.sqrt(atOnce), atOnce / blockLength)
}

/** Bytes of weights for one token, on average over the K tokens between two evictions. */
export function deferredBytesPerToken(leaving: number, predictorBytes: number, blockLength: number): number {
  return (Math.ceil(leaving / blockLength) * predictorBytes) / leaving
}
