/** What a server takes of the machine's memory, before anything is loaded. */
import { bytesOfCells } from '../cache/cell-bytes.ts'
import { cellBytes, memoryPlan, type KvType } from '../models/memory-plan.ts'
import type { GgufInfo } from '../models/gguf-file.ts'

export interface CapacitySettings {
  readonly slots: number
  /** Of each slot. */
  readonly cells: number
  readonly kvType: KvType
  /** The most bytes of saved prompts. */
  readonly promptBytes?: number
}

/** Bytes. */
export interface MemoryNeed {
  readonly weightBytes: number
  readonly cacheBytes: number
  /** Whether the cache may take less: some layers may have a sliding window, and which is not known. */
  readonly isUpperBound: boolean
  /** llama.cpp's compute buffers, an eviction's copy of a slot, saved prompts, and the two processes; an estimate. */
  readonly otherBytes: number
  readonly bytes: number
}

/** Of the memory that there is, a server takes no more. */
export const usableShare = 0.95

/** Of saved prompts, from which those that begin alike are copied. */
export const defaultPromptBytes = 512 * 2 ** 20

/** Of a usual question. */
export const usualPromptTokens = 512

const processBytes = 256 * 2 ** 20
const batchTokens = 512
/** So many outputs there are at least, for replays. */
const leastOutputs = 16

/** What a server of these slots takes. */
export function needOf(
  info: GgufInfo,
  { slots, cells, kvType, promptBytes = defaultPromptBytes }: CapacitySettings,
): MemoryNeed {
  const plan = memoryPlan(info, { cellsPerSequence: cells, sequences: slots, kvType, textLength: info.trainedContext })
  const cacheBytes = plan.cacheBytes + plan.recurrentBytes
  // No more prompts are saved than fit into all slots four times.
  const savedBytes = Math.min(promptBytes, 4 * cacheBytes)
  const copyBytes = bytesOfCells(cellBytes(info, kvType), cells)
  const otherBytes = computeBytes(info, { slots, cells, kvType }) + copyBytes + savedBytes + processBytes
  const { weightBytes, isUpperBound } = plan
  return { weightBytes, cacheBytes, isUpperBound, otherBytes, bytes: weightBytes + cacheBytes + otherBytes }
}

/**
 * llama.cpp's compute buffers on a CPU, as measured: what one piece of a prompt needs, and the outputs. Without flash attention every head
 * has a weight of every cell for each of its tokens, float32, and again as float16 where values are multiplied.
 */
function computeBytes(info: GgufInfo, { slots, cells, kvType }: Omit<CapacitySettings, 'promptBytes'>): number {
  const { hiddenSize, vocabularySize } = info
  const weights = kvType === 'q8_0' ? 0 : headsOf(info) * cells
  const activations = Math.max(24 * hiddenSize, weights + 6 * hiddenSize)
  const outputs = 2 * Math.max(slots, leastOutputs) * vocabularySize
  return batchTokens * (4 * (activations + cells) + 2 * weights) + 4 * outputs + 32 * 2 ** 20
}

function headsOf({ architectureValues, hiddenSize, keyLength }: GgufInfo): number {
  const heads = architectureValues.get('attention.head_count')
  if (typeof heads === 'number') return heads
  return Array.isArray(heads) ? Math.max(...heads.map(Number)) : hiddenSize / keyLength
}

/** More are not tried. */
const mostSlots = 65_536

/** The most slots that fit into so many bytes; 0: not even one. */
export function fittingSlots(info: GgufInfo, settings: Omit<CapacitySettings, 'slots'>, bytes: number): number {
  return largest(mostSlots, (slots) => needOf(info, { ...settings, slots }).bytes <= bytes)
}

/** The largest budget, up to `most` cells, of which so many slots fit into the bytes; undefined: none does. */
export function largestBudget(
  info: GgufInfo,
  { most, ...settings }: Omit<CapacitySettings, 'cells'> & { readonly most: number },
  bytes: number,
): number | undefined {
  const cells = largest(most, (count) => needOf(info, { ...settings, cells: count }).bytes <= bytes)
  return cells > 0 ? cells : undefined
}

/** The largest number up to `most` that fits, if all smaller ones do; 0: not even 1. */
function largest(most: number, fits: (count: number) => boolean): number {
  let [low, high] = [0, most]
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if (fits(middle)) low = middle
    else high = middle - 1
  }
  return low
}
