/** How many compute threads a model gets: they spin while they wait for each other, so that too many are slower. */
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

/** Below this many bytes of weights for each thread, waiting for each other costs threads more than they share. */
const bytesPerThread = 32 * 2 ** 20

/**
 * Compute threads for a model: the physical cores that this process may use, fewer for a small model. llama.cpp's threads
 * spin while they wait for each other, so more threads than free cores are many times slower, not faster.
 */
export function defaultThreads(weightBytes: number): number {
  return Math.max(1, Math.min(physicalCores(), Math.ceil(weightBytes / bytesPerThread)))
}

function physicalCores(): number {
  const logical = availableParallelism()
  try {
    const siblings = new Set<string>()
    for (let cpu = 0; cpu < logical; cpu++) {
      siblings.add(readFileSync(`/sys/devices/system/cpu/cpu${cpu}/topology/thread_siblings_list`, 'utf8'))
    }
    return Math.min(siblings.size, logical, containerQuota())
  } catch {
    return Math.min(logical, containerQuota())
  }
}

/** Cores that a container's quota grants (cgroup v2); Node does not count them. */
function containerQuota(): number {
  try {
    const [quota, period] = readFileSync('/sys/fs/cgroup/cpu.max', 'utf8').trim().split(' ').map(Number)
    return quota !== undefined && period !== undefined && quota > 0 ? Math.max(1, Math.floor(quota / period)) : Infinity
  } catch {
    return Infinity
  }
}
