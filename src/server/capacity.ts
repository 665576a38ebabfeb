/** What a server takes of the machine's memory, before anything is loaded. */
import { memoryPlan, type KvType } from '../models/memory-plan.ts'
import type { GgufInfo } from '../models/gguf-file.ts'

export interface CapacitySettings {
  readonly slots: number
  /** Of each slot. */
  readonly cells: number
  readonly kvType: KvType
}

/** Bytes. */
export interface MemoryNeed {
  readonly weightBytes: number
  readonly cacheBytes: number
  /** llama.cpp's compute buffers, an eviction's copy of a slot, and the two processes; an estimate. */
  readonly otherBytes: number
  readonly bytes: number
}

/** Of the memory that there is, a server takes no more. */
export const usableShare = 0.95

const processBytes = 256 * 2 ** 20
const batchTokens = 512

/** What a server of these slots takes. */
export function needOf(info: GgufInfo, { slots, cells, kvType }: CapacitySettings): MemoryNeed {
  const plan = memoryPlan(info, { cellsPerSequence: cells, sequences: slots, kvType, textLength: info.trainedContext })
  const cacheBytes = plan.cacheBytes + plan.recurrentBytes
  const computeBytes = batchTokens * (info.vocabularySize + 24 * info.hiddenSize) * 4 + 64 * 2 ** 20
  const otherBytes = computeBytes + cells * plan.bytesPerCell + processBytes
  return { weightBytes: plan.weightBytes, cacheBytes, otherBytes, bytes: plan.weightBytes + cacheBytes + otherBytes }
}

/** The most slots that fit into so many bytes; 0: not even one. */
export function fittingSlots(info: GgufInfo, settings: Omit<CapacitySettings, 'slots'>, bytes: number): number {
  const [one, two] = [needOf(info, { ...settings, slots: 1 }), needOf(info, { ...settings, slots: 2 })]
  const each = two.bytes - one.bytes
  return one.bytes > bytes ? 0 : 1 + Math.floor((bytes - one.bytes) / each)
}

/** The largest budget, up to `most` cells, of which so many slots fit into the bytes; undefined: none does. */
export function largestBudget(
  info: GgufInfo,
  { slots, kvType, most }: { readonly slots: number; readonly kvType: KvType; readonly most: number },
  bytes: number,
): number | undefined {
  const fits = (cells: number) => needOf(info, { slots, cells, kvType }).bytes <= bytes
  let [low, high] = [0, most]
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if (fits(middle)) low = middle
    else high = middle - 1
  }
  return low > 0 ? low : undefined
}
