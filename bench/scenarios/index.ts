import type { Scenario } from '../scenario.ts'
import { batch } from './batch.ts'
import { beforeEviction } from './before-eviction.ts'
import { compaction } from './compaction.ts'
import { equalMemory } from './equal-memory.ts'
import { eviction } from './eviction.ts'
import { flashAttention } from './flash-attention.ts'
import { long } from './long.ts'
import { memory } from './memory.ts'
import { odds } from './odds.ts'
import { peer } from './peer.ts'
import { replay } from './replay.ts'
import { serve } from './serve.ts'
import { start } from './start.ts'
import { threads } from './threads.ts'

/** In the order in which they run; the longest comes last. */
export const scenarios: readonly Scenario[] = [
  start,
  beforeEviction,
  peer,
  long,
  batch,
  equalMemory,
  eviction,
  compaction,
  flashAttention,
  threads,
  replay,
  odds,
  serve,
  memory,
]
