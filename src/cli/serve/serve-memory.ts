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

/** @throws InputError `invalid_option` for what does not fit */
export function checkMemory(
  { memory, force, gpu }: ServeFlags,
  { info }: LocatedModel,
  capacity: Required<CapacitySettings>,
): void {
  if (force === true) return
  if (memory === undefined && gpu !== 'off' && gpu !== 'auto') return
  const free = memory === undefined ? process.availableMemory() : memorySize('--memory', memory)
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
