/**
 * Random weights, row after row, in the formats of ggml. Scaled to a standard deviation.
 *
 * Source of the block layouts: ggml-common.h of llama.cpp v0.5.0 (block_q4_0, block_q6_K).
 */
import { Float16Array } from '@petamoriken/float16'
import type { Random } from './random.ts'

/** Numbers of ggml's types. */
export const tensorType = { F32: 0, Q4_0: 2, Q6_K: 14 } as const
export type TensorType = keyof typeof tensorType

const blockElements: Record<TensorType, number> = { F32: 1, Q4_0: 32, Q6_K: 256 }
const blockBytes: Record<TensorType, number> = { F32: 4, Q4_0: 18, Q6_K: 210 }

export function rowBytes(type: TensorType, columns: number): number {
  if (columns % blockElements[type] !== 0) throw new RangeError(`${columns} columns are no whole blocks of ${type}`)
  return (columns / blockElements[type]) * blockBytes[type]
}

/** Weights of `rows` rows with mean 0. */
export function randomRows(
  type: TensorType,
  rows: number,
  columns: number,
  deviation: number,
  random: Random,
): Uint8Array {
  const bytes = new Uint8Array(rows * rowBytes(type, columns))
  if (type === 'F32') {
    const values = new Float32Array(bytes.buffer)
    for (let i = 0; i < values.length; i++) values[i] = random.uniform(deviation)
    return bytes
  }
  // The quants are random bits; what follows sets each block's scale, with a random sign so that the mean is 0.
  const words = new Uint32Array(Math.ceil(bytes.length / 4))
  random.fill(words)
  bytes.set(new Uint8Array(words.buffer, 0, bytes.length))
  const blocks = bytes.length / blockBytes[type]
  if (type === 'Q4_0') setScales(bytes, blocks, 18, 0, deviation / deviationOfQ4)
  else setQ6Scales(bytes, blocks, deviation)
  return bytes
}

/** Of q - 8 with q evenly from 0 to 15: the root mean square. */
const deviationOfQ4 = Math.sqrt((16 ** 2 - 1) / 12 + 0.5 ** 2)
/** Of q - 32 with q evenly from 0 to 63. */
const deviationOfQ6 = Math.sqrt((64 ** 2 - 1) / 12 + 0.5 ** 2)

/** Sets a float16 at `offset` of every block to plus or minus `scale`; the sign is a bit that is there already. */
function setScales(bytes: Uint8Array, blocks: number, size: number, offset: number, scale: number): void {
  const [low = 0, high = 0] = new Uint8Array(Float16Array.of(scale).buffer)
  for (let block = 0; block < blocks; block++) {
    const at = block * size + offset
    const sign = (bytes[at] ?? 0) & 0x80
    bytes[at] = low
    bytes[at + 1] = high | sign
  }
}

/** Q6_K: 128 + 64 bytes of quants, 16 int8 scales of 16 weights each, one float16 scale. */
function setQ6Scales(bytes: Uint8Array, blocks: number, deviation: number): void {
  const subScale = 64
  for (let block = 0; block < blocks; block++) bytes.fill(subScale, block * 210 + 192, block * 210 + 208)
  setScales(bytes, blocks, 210, 208, deviation / (deviationOfQ6 * subScale))
}
