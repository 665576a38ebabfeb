/** What a server says once, when it is ready: where it is, and what it takes. */
import { shareText, type CacheSettings } from '../../cache/budget.ts'
import type { GgufInfo } from '../../models/gguf-file.ts'
import { formatBytes } from '../../models/memory-plan.ts'
import { needOf, usualPromptTokens, type CapacitySettings } from '../../server/capacity.ts'
import { count, counted } from '../output/counted.ts'
import { windowLoss } from '../options/setting-facts.ts'
import { neverEvicted } from '../run/what-it-takes.ts'
import type { FreeMemory } from './serve-memory.ts'

export interface BannerFacts {
  readonly version: string
  readonly name: string
  readonly urls: readonly string[]
  readonly hasPage: boolean
  readonly policy: string
  /** null: the full cache. */
  readonly bound: CacheSettings | null
  readonly maxTokens: number
  readonly info: GgufInfo
  readonly capacity: CapacitySettings
  /** What it was compared with; undefined: with nothing, for the layers are on a GPU. */
  readonly free: FreeMemory | undefined
}

export function banner(facts: BannerFacts): string {
  const { version, name, urls, hasPage, policy, bound, info, capacity } = facts
  const cache = bound
    ? `policy ${policy}, budget ${bound.budget}, local window ${bound.localWindow}, ${shareText(bound)}`
    : `policy ${policy}: the cache is not bounded`
  return [
    `dynts ${version} serves ${name} at ${urls.join(', ')} (API at /v1${hasPage ? ', page at /' : ''})`,
    `  ${cache}; ${counted(capacity.slots, 'slot')} of ${capacity.cells} cells`,
    `  ${memoryText(facts)}`,
    ...(bound ? fullCacheText(facts).map((line) => `  ${line}`) : []),
    ...(bound ? [...windowLoss(bound.localWindow, info), ...neverEvicted(bound.budget, info)] : []).map(
      (line) => `  ${line}`,
    ),
  ].join('\n')
}

function memoryText({ info, capacity, free }: BannerFacts): string {
  const { weightBytes, cacheBytes, isUpperBound, bytes } = needOf(info, capacity)
  const { slots } = capacity
  const each = slots > 1 ? ` (${slots} x ${formatBytes(cacheBytes / slots)})` : ''
  const there = !free
    ? '; with what a GPU has it is compared only if --memory says that'
    : `, of ${formatBytes(free.bytes)} ${free.isGiven ? 'that it may take' : 'free'}`
  return `weights ${formatBytes(weightBytes)}, cache ${isUpperBound ? 'at most ' : ''}${formatBytes(cacheBytes)}${each}, about ${formatBytes(bytes)} with buffers${there}`
}

/** What the budget saves. */
function fullCacheText({ info, capacity, maxTokens }: BannerFacts): string[] {
  const text = Math.min(info.trainedContext, maxTokens + usualPromptTokens)
  if (text <= capacity.cells) return []
  const { cacheBytes, isUpperBound } = needOf(info, { ...capacity, cells: text })
  return [
    `the full cache would take ${isUpperBound ? 'at most ' : ''}${formatBytes(cacheBytes)} for ${counted(capacity.slots, 'text')} of ${count(text)} tokens`,
  ]
}
