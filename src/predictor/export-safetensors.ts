/**
 * Writes a predictor in the naming of the authors' code: `is_head.0.weight`, `is_head.2.weight`, `is_head.4.weight`, float32.
 * What `readSafetensorsPredictor` reads again. Target and settings have no place in that format.
 */
import { closeSync, openSync, writeFileSync } from 'node:fs'
import { endianness } from 'node:os'
import type { WeightMatrix } from './checkpoint.ts'

/** Tensors begin at a multiple of this, as safetensors asks for. */
const alignment = 8

/** Writes a new file, or one over what is there. @throws what the file system throws */
export function writeSafetensorsPredictor(path: string, matrices: readonly WeightMatrix[]): void {
  const file = openSync(path, 'w')
  try {
    writeFileSync(file, header(matrices))
    for (const { weights } of matrices) writeFileSync(file, littleEndian(weights))
  } finally {
    closeSync(file)
  }
}

/** 8 bytes with the length of the JSON that follows, padded with spaces. */
function header(matrices: readonly WeightMatrix[]): Buffer {
  let end = 0
  const entries = matrices.map(({ rows, columns, weights }, i) => {
    const from = end
    end += weights.byteLength
    // The activations between the layers count as modules of their own.
    return [`is_head.${2 * i}.weight`, { dtype: 'F32', shape: [rows, columns], data_offsets: [from, end] }]
  })
  const json = JSON.stringify(Object.fromEntries([['__metadata__', { format: 'pt' }], ...entries]))
  const padded = json.padEnd(Math.ceil(json.length / alignment) * alignment)
  const bytes = Buffer.alloc(8 + padded.length)
  bytes.writeBigUInt64LE(BigInt(padded.length))
  bytes.write(padded, 8, 'ascii')
  return bytes
}

function littleEndian({ buffer, byteOffset, byteLength }: Float32Array): Buffer {
  if (endianness() === 'LE') return Buffer.from(buffer, byteOffset, byteLength)
  return Buffer.from(buffer.slice(byteOffset, byteOffset + byteLength)).swap32()
}
