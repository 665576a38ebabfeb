/**
 * Writes a GGUF of any size piece by piece: header first, then each tensor's rows as they are made.
 */
import { open, rename, rm } from 'node:fs/promises'
import { rowBytes, tensorType, type TensorType } from './random-tensor.ts'

export type MetadataValue =
  | { readonly u32: number }
  | { readonly f32: number }
  | { readonly bool: boolean }
  | { readonly text: string }
  | { readonly texts: readonly string[] }
  | { readonly i32s: readonly number[] }

export interface TensorPlan {
  readonly name: string
  readonly type: TensorType
  readonly rows: number
  readonly columns: number
}

const valueType = { u32: 4, i32: 5, f32: 6, bool: 7, text: 8, array: 9 }
const alignment = 32

export function tensorBytes({ type, rows, columns }: TensorPlan): number {
  return rows * rowBytes(type, columns)
}

/**
 * @param rowsOf yields a tensor's bytes, in pieces
 * The file appears under its name only when it is complete.
 */
export async function writeGgufFile<T extends TensorPlan>(
  path: string,
  metadata: Readonly<Record<string, MetadataValue>>,
  tensors: readonly T[],
  rowsOf: (tensor: T) => Iterable<Uint8Array>,
  onBytes: (bytes: number) => void,
): Promise<void> {
  const partial = `${path}.${process.pid}.partial`
  const file = await open(partial, 'w')
  try {
    await file.writeFile(header(metadata, tensors))
    for (const tensor of tensors) {
      let written = 0
      for (const rows of rowsOf(tensor)) {
        await file.writeFile(rows)
        written += rows.length
        onBytes(rows.length)
      }
      if (written !== tensorBytes(tensor)) throw new Error(`${tensor.name}: ${written} bytes written`)
      await file.writeFile(new Uint8Array(padding(written)))
    }
    await file.close()
    await rename(partial, path)
  } catch (error) {
    await file.close().catch(() => undefined)
    await rm(partial, { force: true })
    throw error
  }
}

function header(metadata: Readonly<Record<string, MetadataValue>>, tensors: readonly TensorPlan[]): Buffer {
  const entries = Object.entries(metadata)
  const parts = [Buffer.from('GGUF'), u32(3), u64(tensors.length), u64(entries.length)]
  for (const [key, value] of entries) parts.push(text(key), encode(value))
  let offset = 0
  for (const tensor of tensors) {
    // A matrix of one row is a vector; the first dimension is the one that is contiguous.
    const shape = tensor.rows === 1 ? [tensor.columns] : [tensor.columns, tensor.rows]
    parts.push(text(tensor.name), u32(shape.length), ...shape.map(u64), u32(tensorType[tensor.type]), u64(offset))
    const bytes = tensorBytes(tensor)
    offset += bytes + padding(bytes)
  }
  const bytes = Buffer.concat(parts)
  return Buffer.concat([bytes, Buffer.alloc(padding(bytes.length))])
}

function encode(value: MetadataValue): Buffer {
  if ('u32' in value) return Buffer.concat([u32(valueType.u32), u32(value.u32)])
  if ('f32' in value) return Buffer.concat([u32(valueType.f32), f32(value.f32)])
  if ('bool' in value) return Buffer.concat([u32(valueType.bool), Buffer.of(value.bool ? 1 : 0)])
  if ('text' in value) return Buffer.concat([u32(valueType.text), text(value.text)])
  const array = u32(valueType.array)
  if ('texts' in value) {
    return Buffer.concat([array, u32(valueType.text), u64(value.texts.length), ...value.texts.map(text)])
  }
  return Buffer.concat([
    array,
    u32(valueType.i32),
    u64(value.i32s.length),
    Buffer.from(Int32Array.from(value.i32s).buffer),
  ])
}

function padding(bytes: number): number {
  return (alignment - (bytes % alignment)) % alignment
}

function u32(value: number): Buffer {
  const buffer = Buffer.alloc(4)
  buffer.writeUInt32LE(value)
  return buffer
}

function u64(value: number): Buffer {
  const buffer = Buffer.alloc(8)
  buffer.writeBigUInt64LE(BigInt(value))
  return buffer
}

function f32(value: number): Buffer {
  const buffer = Buffer.alloc(4)
  buffer.writeFloatLE(value)
  return buffer
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([u64(bytes.length), bytes])
}
