/** Whether what a server is to hold fits into the memory, and what would. */
import type { LocatedModel } from '../../engine/locate-model.ts'
import { InputError } from '../../errors.ts'
import { formatBytes } from '../../models/memory-plan.ts'
import {
  defaultPromptBytes,
  fittingSlots,
  largestBudget,
  needOf,
  usableShare,
  type CapacitySettings,
} from '../../server/capacity.ts'
import { memorySize } from '../options/memory-size.ts'
import type { ServeFlags } from './serve-options.ts'

/** Bytes; 0: no prompt is kept. @throws InputError `invalid_option` */
export function promptCacheSize({ promptCache }: ServeFlags): number {
  if (promptCache === undefined) return defaultPromptBytes
  return promptCache === '0' ? 0 : memorySize('--prompt-cache', promptCache)
}

export interface FreeMemory {
  readonly bytes: number
  /** Whether `--memory` says so; else it is what the machine has. */
  readonly isGiven: boolean
}

/** Undefined: what a GPU has is not known. @throws InputError `invalid_option` */
export function freeMemory({ memory, gpu }: Pick<ServeFlags, 'memory' | 'gpu'>): FreeMemory | undefined {
  if (memory !== undefined) return { bytes: memorySize('--memory', memory), isGiven: true }
  return gpu === 'off' || gpu === 'auto' ? { bytes: process.availableMemory(), isGiven: false } : undefined
}

/** @throws InputError `invalid_option` for what does not fit */
export function checkMemory({ info }: LocatedModel, capacity: Required<CapacitySettings>, free: number): void {
  const need = needOf(info, capacity)
  if (need.bytes <= free * usableShare) return
  const fits = fittingSlots(info, capacity, free * usableShare)
  const budget = largestBudget(info, { ...capacity, most: capacity.cells }, free * usableShare)
  const ways = [...(fits > 0 ? [`--parallel ${fits}`] : []), ...(budget === undefined ? [] : [`--budget ${budget}`])]
  const advice = ways.length > 0 ? `${ways.join(' or ')} fits` : 'a smaller model may fit'
  throw new InputError(
    'invalid_option',
    `this takes about ${formatBytes(need.bytes)}, and ${formatBytes(free)} are there: ${advice}; --force starts it anyway`,
  )
}
