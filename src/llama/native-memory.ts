/**
 * Typed arrays over memory that C owns. None may be used after C has freed or moved the memory.
 */
import koffi from 'koffi'
import type { Pointer } from './structs.ts'

export function float32View(address: Pointer, length: number): Float32Array {
  return new Float32Array(koffi.view(address, length * 4))
}

export function int32View(address: Pointer, length: number): Int32Array {
  return new Int32Array(koffi.view(address, length * 4))
}

export function int8View(address: Pointer, length: number): Int8Array {
  return new Int8Array(koffi.view(address, length))
}

export function pointerView(address: Pointer, length: number): BigUint64Array {
  return new BigUint64Array(koffi.view(address, length * 8))
}

export function writeInt32(address: Pointer, value: number): void {
  koffi.encode(address, 'int32_t', value)
}
