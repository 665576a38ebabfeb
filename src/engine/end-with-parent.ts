import { Worker } from 'node:worker_threads'

const everyMs = 500

/**
 * Ends this process soon after another one, the one that started it, has ended: also while native code computes without end, because a
 * thread of its own looks. On Windows, where a process keeps the number of its parent, it has no effect.
 *
 * @param parent process id
 */
export function endWithParent(parent: number): void {
  const look = `setInterval(() => process.ppid === ${parent} || process.kill(process.pid, 'SIGKILL'), ${everyMs})`
  new Worker(look, { eval: true }).unref()
}
