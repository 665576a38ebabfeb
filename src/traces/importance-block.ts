/** The bytes of one trace in a shard: how long each array is and where it lies. */
import { InputError } from '../errors.ts'
import type { ImportanceArrays, ImportanceRecord } from './importance-record.ts'

/** What a block's size depends on. */
export type BlockCounts = Pick<ImportanceRecord, 'promptTokens' | 'thinkingTokens' | 'storedTokens'>

/** @param hiddenSize d: values of one state */
export function blockBytes({ promptTokens, thinkingTokens, storedTokens }: BlockCounts, hiddenSize: number): number {
  return 4 * (thinkingTokens + promptTokens + storedTokens) + 2 * storedTokens * hiddenSize
}

/**
 * What a block consists of, as views of the arrays.
 * @throws Error for arrays whose lengths contradict each other: a bug
 */
export function blockParts(arrays: ImportanceArrays, hiddenSize: number): Uint8Array[] {
  const { importance, promptImportance, sampled, states } = arrays
  if (states.length !== sampled.length * hiddenSize) {
    throw new Error(`${states.length} state values for ${sampled.length} tokens of ${hiddenSize}`)
  }
  return [importance, promptImportance, sampled, states].map(
    ({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength),
  )
}

/**
 * The arrays of a block, as views of it; the block must begin at a multiple of 4 bytes of its buffer.
 * @throws InputError `invalid_importance` for sampled tokens that are no ascending indices into the thinking tokens, or an
 *   importance that is no number
 */
export function decodeBlock(block: Uint8Array, counts: BlockCounts): ImportanceArrays {
  const { promptTokens, thinkingTokens, storedTokens } = counts
  const { buffer, byteOffset } = block
  let offset = byteOffset
  const take = (bytes: number) => (offset += bytes) - bytes
  const importance = new Float32Array(buffer, take(thinkingTokens * 4), thinkingTokens)
  const promptImportance = new Float32Array(buffer, take(promptTokens * 4), promptTokens)
  const sampled = new Int32Array(buffer, take(storedTokens * 4), storedTokens)
  const states = new Uint16Array(buffer, offset, (byteOffset + block.byteLength - offset) / 2)
  const ascends = sampled.every((token, i) => token > (sampled[i - 1] ?? -1) && token < thinkingTokens)
  if (!ascends || !isFinite(importance) || !isFinite(promptImportance)) {
    throw new InputError('invalid_importance', 'a block of the importance folder is damaged')
  }
  return { importance, promptImportance, sampled, states }
}

function isFinite(values: Float32Array): boolean {
  return values.every((value) => Number.isFinite(value) && value >= 0)
}
