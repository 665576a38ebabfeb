/** Sparse attention: an indexer chooses which cells a token looks at, by keys of its own for each cell. */

/**
 * What files state of an indexer; some architectures do without some of these.
 *
 * Source: llama.cpp v0.5.0, the keys of src/llama-arch.cpp.
 */
export const indexerKeys: readonly string[] = [
  'top_k',
  'head_count',
  'key_length',
  'block_size',
  'local_blocks',
  'types',
].map((name) => `attention.indexer.${name}`)

/** Why cells of such a cache cannot be removed one by one. */
export const indexerObstacle = 'it uses sparse attention: its indexer keeps a cache of its own'
