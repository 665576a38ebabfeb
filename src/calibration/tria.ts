/**
 * Statistics in the form `TRIA` (version 2) of a fork of llama.cpp: a header of 64 bytes, a number for each layer, then for each layer
 * and query head, by frequency, the mean query's real and imaginary parts, its mean length, and one row that is not used here. All
 * little-endian; without the model's rotation.
 */
import type { Fail, QueryStatistics } from './query-statistics.ts'

const magic = 0x54524941
const headerBytes = 64
const rowsPerHead = 4

export function isTria(bytes: Buffer): boolean {
  return bytes.length >= headerBytes && bytes.readUInt32LE(0) === magic
}

/** @param bytes of a file for which `isTria` holds */
export function readTria(bytes: Buffer, fail: Fail): QueryStatistics {
  const [version = 0, layers = 0, heads = 0, , headSize = 0, pairs = 0] = [4, 8, 12, 16, 20, 24].map((at) =>
    bytes.readUInt32LE(at),
  )
  if (version !== 2) fail(`its version is ${version}, not 2`)
  const count = layers * heads * rowsPerHead * pairs
  const start = headerBytes + 4 * layers
  if (count === 0 || bytes.length !== start + 4 * count) fail('its size is not what its header says')
  const row = (layer: number, head: number, index: number) => {
    const first = start + 4 * ((layer * heads + head) * rowsPerHead + index) * pairs
    return Float32Array.from({ length: pairs }, (_, f) => bytes.readFloatLE(first + 4 * f))
  }
  return {
    isSample: false,
    layers,
    heads,
    headSize,
    pairs,
    of: (layer, head) => ({ real: row(layer, head, 0), imaginary: row(layer, head, 1), length: row(layer, head, 2) }),
  }
}
