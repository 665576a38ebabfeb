/** Waits for another process; Ctrl-C gets through meanwhile. */
import { setTimeout } from 'node:timers/promises'
import type { Bench } from './bench.ts'

/** @param share of the present span that is done by now, 0 to 1 */
export async function whileBreathing<T>(bench: Bench, result: Promise<T>, share = () => 0.5): Promise<T> {
  const settled = result.then(
    () => true,
    () => true,
  )
  while (!(await Promise.race([settled, setTimeout(250, false)]))) await bench.breathe(share())
  return await result
}
